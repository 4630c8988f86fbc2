"""Events reach their queue in the words of their contract, and others do not."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest

from include.clients.queues import Queue
from include.core.contracts import LoadMessage, ManifestEvent, PriceEvent
from include.core.domains import domains
from include.core.queues import load_queues, price_manifests, price_requests
from tests.infrastructure.conftest import ENVIRONMENT, Deployed

pytestmark = pytest.mark.integration
BIG, SMALL = bytes(1025), bytes(1024)
KEY = "market/prices/ds=2025-09-10/part-001.parquet"


def messages(deployed: Deployed, name: str | None, expected: int) -> list[dict[str, Any]]:
    """Receive, and delete, what the queue has, once `expected` messages have come."""
    queue = Queue(deployed.aws.client("sqs"), str(name))
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        some = queue.receive(10, visibility_seconds=60, wait_seconds=1)
        queue.delete(some)
        found += [json.loads(message.body) for message in some]
        if not some and len(found) >= expected:
            break
    return found


def put(deployed: Deployed, output: str, *objects: tuple[str, bytes]) -> None:
    client = deployed.aws.client("s3")
    for key, data in objects:
        client.upload_fileobj(io.BytesIO(data), deployed.outputs[output], key)


def tell(deployed: Deployed, *events: tuple[str, str, dict[str, Any]]) -> list[str]:
    """Put custom events; return their ids."""
    entries = [
        {"Source": source, "DetailType": kind, "Detail": json.dumps(detail)}
        for source, kind, detail in events
    ]
    answer = deployed.aws.client("events").put_events(Entries=entries)
    return [entry["EventId"] for entry in answer["Entries"]]


def test_a_curated_file_is_announced_to_its_domain_as_a_load_message(deployed: Deployed) -> None:
    put(deployed, "CuratedBucket", (KEY, BIG))
    (body,) = messages(deployed, load_queues(ENVIRONMENT, "market").queue, 1)
    message = LoadMessage.model_validate(body)
    assert body.keys() == {"bucket", "key", "domain", "file_size", "correlation_id"}
    assert (message.bucket, message.key) == (deployed.outputs["CuratedBucket"], KEY)
    assert (message.domain, message.table_name, message.partition) == ("market", "prices", "ds=2025-09-10")
    assert (message.file_size, len(message.correlation_id)) == (1025, 36)


@pytest.mark.parametrize("key", ["market/prices/ds=2025-09-10/Ünï côdé 100%25.parquet", KEY + ".parquet"])
def test_a_key_is_announced_as_it_is(deployed: Deployed, key: str) -> None:
    put(deployed, "CuratedBucket", (key, BIG))
    (body,) = messages(deployed, load_queues(ENVIRONMENT, "market").queue, 1)
    assert body["key"] == key


def test_only_big_enough_parquet_files_of_the_domain_are_announced(deployed: Deployed) -> None:
    put(
        deployed,
        "CuratedBucket",
        ("market/prices/ds=2025-09-10/small.parquet", SMALL),
        ("market/prices/_schema_fingerprint.json", BIG),
        ("_quarantine/market/prices/ds=2025-09-10/b.parquet", BIG),
        ("supermarket/prices/ds=2025-09-10/part-001.parquet", BIG),
        ("market.parquet", BIG),
        *((f"{domain}/table/ds=2025-09-10/part-000.parquet", BIG) for domain in domains()),
    )
    put(deployed, "RawBucket", (KEY, BIG))
    for domain in domains():
        found = messages(deployed, load_queues(ENVIRONMENT, domain).queue, 1)
        assert [body["key"] for body in found] == [f"{domain}/table/ds=2025-09-10/part-000.parquet"]


def test_custom_events_are_price_events_and_others_are_not_for_us(deployed: Deployed) -> None:
    detail = {"symbols": ["AAPL"], "nested": {"a": [1, None, True]}, "text": "ü"}
    wanted = tell(
        deployed,
        ("tapeline", "PricesRequested", detail),
        ("tapeline", "SymbolAdded", {"symbol": "IBM"}),
        ("tapeline", "SomethingElse", detail),
        ("somebody", "PricesRequested", detail),
    )[:2]
    bodies = messages(deployed, price_requests(ENVIRONMENT).queue, 2)
    found = {event.id: event for event in map(PriceEvent.model_validate, bodies)}
    assert found.keys() == set(wanted)
    assert found[wanted[0]].detail == detail
    assert [found[one].detail_type for one in wanted] == ["PricesRequested", "SymbolAdded"]


def test_manifests_are_announced_only_where_the_deployment_wants_it(deployed: Deployed) -> None:
    key = "market/prices/interval=1d/data_source=vendor/year=2025/month=09/day=10/_batch.manifest.json"
    rule = {"Name": f"tapeline-{ENVIRONMENT}-price-manifests"}
    put(deployed, "RawBucket", (key, SMALL))
    client = deployed.aws.client("events")
    client.enable_rule(**rule)
    try:
        put(deployed, "RawBucket", (key.replace("10", "11"), SMALL), (key.replace(".manifest", ""), SMALL))
        (body,) = messages(deployed, price_manifests(ENVIRONMENT).queue, 1)
    finally:
        client.disable_rule(**rule)
    event = ManifestEvent.model_validate(body)
    assert (event.bucket, event.key) == (deployed.outputs["RawBucket"], key.replace("10", "11"))
    assert (event.size, len(event.correlation_id)) == (1024, 36)
