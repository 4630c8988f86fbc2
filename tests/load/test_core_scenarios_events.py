"""Seed 002, "Core Test Scenarios": event processing (5): pattern matching, transformation, validation."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.stub import Stubber

from devstack.stack import Stack
from include.clients.queues import Message, Queue
from include.core.contracts import LoadMessage
from include.core.errors import InvalidMessage
from include.core.queues import load_queues
from include.core.settings import Settings
from include.load.messages import read_message
from tests.load.loads import bars
from tests.market import Market

PAYLOADS = Path(__file__).parent / "payloads"
TEMPLATE = Path(__file__).parents[2] / "infrastructure" / "cloudformation" / "load.yaml"
BUCKET = "tapeline-dev-curated-111122223333"


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms as their arguments."""


_Template.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))


@pytest.fixture(scope="module")
def transformer() -> dict[str, Any]:
    """The rule's input transformer, as the template has it."""
    template = yaml.load(TEMPLATE.read_text().replace("!GetAtt Dlq.Arn", "x"), _Template)
    rules = [
        one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::Events::Rule"
    ]
    return dict(rules[0]["Targets"][0]["InputTransformer"])


def _transformed(transformer: dict[str, Any], event: dict[str, Any]) -> str:
    """Return what EventBridge makes of an event: each <name> is the JSON of what its path finds."""

    def found(name: re.Match[str]) -> str:
        value: Any = event
        for step in transformer["InputPathsMap"][name.group(1)].removeprefix("$.").split("."):
            value = value[step]
        return json.dumps(value)

    template = transformer["InputTemplate"].replace("${Domain}", "market")
    return re.sub(r"<(\w+)>", found, template)


def _recorded(name: str) -> dict[str, Any]:
    return dict(json.loads((PAYLOADS / f"{name}.json").read_text()))


def _received() -> Message:
    """Return the recorded message as the queue's client reads it; the stub holds it against AWS's own model."""
    client = boto3.client("sqs", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stub.add_response("get_queue_url", {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/q"})
        stub.add_response("receive_message", _recorded("sqs_receive_message"))
        (message,) = Queue(client, "q").receive(10, visibility_seconds=120)
    return message


@pytest.fixture
def market_files(stack: Stack, market: Market) -> Iterator[Market]:
    """A table of the test's own in the deployment's curated bucket; the domain's queue is empty before and after."""
    _purge(market)
    yield market
    _purge(market)


def _purge(market: Market) -> None:
    pair = load_queues(market.settings.environment, "market")
    for name in (pair.queue, pair.dlq):
        queue = Queue(market.aws.client("sqs"), str(name))
        market.aws.client("sqs").purge_queue(QueueUrl=queue.url)


def _messages(aws: Any, settings: Settings, domain: str, wanted: set[str]) -> list[dict[str, Any]]:
    """Receive until every wanted key was there; return the bodies of all messages."""
    queue = Queue(aws.client("sqs"), str(load_queues(settings.environment, domain).queue))
    bodies: list[dict[str, Any]] = []
    deadline = time.monotonic() + 60
    while not wanted <= {body["key"] for body in bodies} and time.monotonic() < deadline:
        found = queue.receive(10, visibility_seconds=60, wait_seconds=1)
        bodies += [json.loads(message.body) for message in found]
        queue.delete(found)
    return bodies


@pytest.mark.integration
def test_event_processing_1_pattern_matching_only_parquet_of_the_domain_becomes_a_message(
    market_files: Market,
) -> None:
    market, table = market_files, market_files.table_name
    big = bars(*(f"S{n}" for n in range(50)))
    assert len(big) > 1024
    folder = f"{table}/ds=2013-03-01"
    unwanted = {
        f"market/{folder}/part.json": big,
        f"market/{folder}/part.parquet.tmp": big,
        f"market/{folder}/small.parquet": big[:100],
        f"market/{folder}/limit.parquet": big[:1024],
        f"_quarantine/market/{folder}/part.parquet": big,
        f"marketing/{folder}/part.parquet": big,
        f"other/{folder}/part.parquet": big,
    }
    wanted = {f"market/{folder}/part-{n:03d} ä.parquet": big for n in range(2)}
    # boto3, as other systems write: with its own way of encoding keys
    for key, data in {**unwanted, **wanted}.items():
        market.aws.client("s3").put_object(Bucket=market.settings.curated_bucket, Key=key, Body=data)
    bodies = _messages(market.aws, market.settings, "market", set(wanted))
    assert sorted(body["key"] for body in bodies if table in body["key"]) == sorted(wanted)


@pytest.mark.integration
def test_event_processing_2_pattern_matching_another_domains_file_is_in_its_own_queue_alone(
    market_files: Market,
) -> None:
    market, data = market_files, bars(*(f"S{n}" for n in range(50)))
    keys = {
        domain: f"{domain}/{market.table_name}/ds=2013-03-01/f.parquet" for domain in ("product", "market")
    }
    for key in keys.values():
        market.curated.write(key, data)
    for domain, key in keys.items():
        bodies = _messages(market.aws, market.settings, domain, {key})
        assert [body["key"] for body in bodies if market.table_name in body["key"]] == [key]
        assert {body["domain"] for body in bodies} == {domain}


def test_event_processing_3_transformation_makes_the_recorded_message_of_the_recorded_event(
    transformer: dict[str, Any],
) -> None:
    event = _recorded("eventbridge_object_created")
    assert json.loads(_transformed(transformer, event)) == json.loads(_received().body)
    event["detail"]["object"]["key"] = 'market/p/ds=1/quote" back\\slash ä.parquet'
    made = LoadMessage.model_validate_json(_transformed(transformer, event))
    assert made.key == event["detail"]["object"]["key"]


def test_event_processing_4_validation_of_the_recorded_message_gives_table_partition_and_correlation_id() -> (
    None
):
    read = read_message(_received(), domain="market", bucket=BUCKET)
    assert read.asked == LoadMessage(
        bucket=BUCKET,
        key="market/prices/ds=2026-11-20/part-000.parquet",
        domain="market",
        table_name="prices",
        partition="ds=2026-11-20",
        file_size=48213,
        correlation_id=_recorded("eventbridge_object_created")["id"],
    )
    assert read.message.sent_at.isoformat() == "2026-11-20T13:05:42.731000+00:00"


@pytest.mark.parametrize(
    ("domain", "bucket", "words"),
    [("customer", BUCKET, "outside the domain 'customer'"), ("market", "another", "not the curated bucket")],
)
def test_event_processing_5_validation_refuses_what_leaves_bucket_or_domain(
    domain: str, bucket: str, words: str
) -> None:
    with pytest.raises(InvalidMessage, match=words):
        read_message(_received(), domain=domain, bucket=bucket)
