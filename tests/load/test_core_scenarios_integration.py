"""Seed 002, "Core Test Scenarios": integration flow (3): S3 → EventBridge → SQS → load_market → ClickHouse.

One run of the DAG for all three: files that other programs put into the curated bucket, one of them again with
other content, one that is no Parquet.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

import pytest

from devstack.dagrun import run_dag
from devstack.stack import Stack
from include.clients.queues import Queue
from include.core.contracts import DeadLetter
from include.core.queues import load_queues
from tests.load.loads import bars, read_letters, wait_until
from tests.market import FRIDAY, Market, Run, finished

pytestmark = pytest.mark.integration
MANY = [f"S{n:02d}" for n in range(50)]


@dataclass(frozen=True)
class Flow:
    """What landed, and what became of it."""

    market: Market
    keys: dict[str, str]
    run: Run
    letters: list[DeadLetter]
    queue: Queue
    began: datetime


@pytest.fixture(scope="module")
def flow(local: Stack) -> Iterator[Flow]:
    market = Market(local, table_name=f"prices_{uuid.uuid4().int % 10**12}m")
    pair = load_queues(market.settings.environment, "market")
    client = market.aws.client("sqs")
    queue, dlq = Queue(client, str(pair.queue)), Queue(client, pair.dlq)
    for one in (queue, dlq):
        client.purge_queue(QueueUrl=one.url)
    folder = f"market/{market.table_name}/ds=2013-03-01"
    keys = {name: f"{folder}/{name}.parquet" for name in ("good", "rewritten", "broken")}
    began = datetime.now(timezone.utc)
    market.curated.write(keys["good"], bars(*MANY, price=1))
    market.curated.write(keys["rewritten"], bars("OLD", *(f"OLD{n}" for n in range(50))))
    market.curated.write(keys["broken"], b"no Parquet" * 500)
    market.curated.write(keys["rewritten"], bars("NEW", *(f"NEW{n}" for n in range(50))))
    assert wait_until(lambda: queue.depth().visible >= 4)
    run = finished(run_dag("load_market", FRIDAY, {}))
    yield Flow(market, keys, run, read_letters(dlq), queue, began)
    for one in (queue, dlq):
        client.purge_queue(QueueUrl=one.url)


def _symbols(flow: Flow, key: str) -> set[str]:
    stem = {"good": "S", "rewritten": "NEW"}[key]
    return {row[0] for row in flow.market.rows() if row[0].startswith(stem)}


def test_integration_flow_1_a_file_put_into_the_bucket_is_rows_and_its_message_is_gone(flow: Flow) -> None:
    assert flow.run.state == "success"
    assert _symbols(flow, "good") == set(MANY)
    assert flow.queue.depth().total == 0
    found = flow.market.ask(
        f"SELECT correlation_id, processed_at FROM market.load_audit WHERE file_path = '{flow.keys['good']}'"
    )
    ((correlation_id, processed_at),) = found
    assert uuid.UUID(correlation_id)  # the event's own id
    assert processed_at.replace(tzinfo=timezone.utc) >= flow.began.replace(microsecond=0)


def test_integration_flow_2_a_file_announced_twice_is_loaded_once_with_its_newest_content(flow: Flow) -> None:
    names = {row[0] for row in flow.market.rows()}
    assert not {name for name in names if name.startswith("OLD")}
    assert _symbols(flow, "rewritten") == {"NEW", *(f"NEW{n}" for n in range(50))}
    (counts,) = flow.run.results["load_messages"]
    assert counts["skipped"] >= 1
    assert len(flow.market.rows()) == len(MANY) + 51


def test_integration_flow_3_a_bad_file_is_a_letter_and_the_run_is_green(flow: Flow) -> None:
    (letter,) = flow.letters
    assert (letter.key, letter.code) == (flow.keys["broken"], "E002")
    assert letter.source_queue == flow.queue.name
    assert flow.run.results["load_messages"][0]["letters"] == 1
    assert flow.run.tasks == {"load_messages": ["success"]}
