"""What the dashboard asks for, from real servers: sums by bucket, rows of readable DAGs only, reasons of what is away."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from devstack.stack import Stack
from include.clients.aws import Aws
from include.clients.postgres import Postgres, PostgresAddress
from include.core.errors import InvalidSettings
from include.core.queues import QueuePair, queue_pairs
from include.orchestration import connections
from include.status.dashboard_database import query_failures, query_history, query_newest_data, query_quality
from include.status.dashboard_queues import query_queues, readable_queues
from include.status.dashboard_ranges import DAYS, span_of
from include.status.dashboard_sources import ask_source
from tests.market import applied

NOW = datetime(2026, 7, 1, 13, 37, tzinfo=timezone.utc)
SPAN = span_of(7, NOW)
_EXECUTION = """
INSERT INTO etl_executions (dag_id, run_id, task_id, job_name, start_time, status, records_processed, records_failed,
                            error_message)
VALUES (%s, 'run', %s, 'job', %s, %s, %s, %s, %s)
"""
_QUALITY = """
INSERT INTO data_quality_metrics (job_name, dag_id, run_id, measured_at, total_records, valid_records, invalid_records)
VALUES (%s, %s, 'run', %s, %s, %s, %s)
"""


@pytest.fixture(scope="module")
def postgres(stack: Stack) -> Iterator[Postgres]:
    """The worker's database; tests keep apart by DAGs of their own."""
    with applied(stack.environment()), connections.fundamentals() as database:
        yield database


@pytest.fixture
def dag() -> str:
    return f"dag_{uuid.uuid4().hex[:10]}"


@pytest.mark.parametrize("days", DAYS)
@pytest.mark.parametrize(
    "now", [NOW, datetime(2026, 1, 1, tzinfo=timezone.utc), NOW.replace(hour=0, minute=0)]
)
def test_a_stretch_ends_in_the_bucket_of_now_and_has_no_gap(days: int, now: datetime) -> None:
    span = span_of(days, now)
    assert span.buckets[-1] <= now < span.buckets[-1] + span.bucket
    assert {b - a for a, b in zip(span.buckets, span.buckets[1:], strict=False)} == {span.bucket}
    assert len(span.buckets) * span.bucket == timedelta(days=days)
    assert len(span.buckets) <= 52


def test_a_source_that_fails_hangs_or_is_not_set_up_is_a_reason_of_one_line() -> None:
    def misconfigured() -> dict[str, Any]:
        raise InvalidSettings("The connection has no host. Set one.")

    def unforeseen() -> dict[str, Any]:
        raise RuntimeError("password=secret")

    release = threading.Event()
    assert ask_source("A", misconfigured) == {
        "available": False,
        "reason": "The connection has no host. Set one.",
    }
    assert "secret" not in ask_source("A", unforeseen)["reason"]
    hung = ask_source("B", lambda: {"n": release.wait(60)}, patience=0.05)
    assert hung == {"available": False, "reason": "B did not answer within 0.05 s."}
    assert ask_source("A", lambda: {"n": 1}) == {"available": True, "n": 1}
    release.set()


@pytest.mark.integration
def test_history_is_sums_a_bucket_of_the_readable_dags_only(postgres: Postgres, dag: str) -> None:
    other, first, last = f"{dag}_secret", SPAN.buckets[0], SPAN.buckets[-1]
    for number, (name, at, status, done, lost) in enumerate([
        (dag, first, "completed", 10, 1), (dag, first + timedelta(hours=5, minutes=59), "failed", 0, 2),
        (dag, last, "completed", 5, 0), (dag, last + timedelta(minutes=1), "skipped", 0, 0),
        (dag, first - timedelta(seconds=1), "failed", 99, 99), (other, last, "failed", 7, 7),
    ]):  # fmt: skip
        postgres.execute(
            _EXECUTION, [name, f"t{number}", at, status, done, lost, "why" if status == "failed" else None]
        )

    [line] = query_history(postgres, SPAN, [dag])["series"]
    middle = [0] * (len(SPAN.buckets) - 2)
    assert line == {
        "dag_id": dag,
        "tries": [2, *middle, 1],
        "failed_tries": [1, *middle, 0],
        "records_processed": [10, *middle, 5],
        "records_failed": [3, *middle, 0],
    }
    assert [row["task_id"] for row in query_failures(postgres, SPAN, [dag])["failures"]] == ["t1"]
    assert query_history(postgres, SPAN, [])["series"] == []
    assert query_failures(postgres, SPAN, [])["failures"] == []


@pytest.mark.integration
def test_quality_is_each_jobs_newest_measurement_and_its_share_over_time(
    postgres: Postgres, dag: str
) -> None:
    for at, valid in ((SPAN.buckets[0], 50), (SPAN.buckets[-1], 75)):
        postgres.execute(_QUALITY, [dag, dag, at, 100, valid, 100 - valid])
    [job] = query_quality(postgres, SPAN, [dag])["jobs"]
    assert (job["valid_records"], job["invalid_records"]) == (75, 25)
    assert job["valid_percent"] == [50.0, *[None] * (len(SPAN.buckets) - 2), 75.0]
    assert query_quality(postgres, SPAN, [f"{dag}_other"])["jobs"] == []


@pytest.mark.integration
def test_each_table_of_fundamentals_says_how_young_it_is(postgres: Postgres) -> None:
    names = [row["name"] for row in query_newest_data(postgres)["tables"]]
    assert names == ["symbols", "daily_prices", "daily_ma", "ratios"]


@pytest.mark.integration
def test_a_database_that_is_away_is_a_reason_without_its_password() -> None:
    nobody = Postgres(PostgresAddress("127.0.0.1", "d", "u", port=1, password="hunter22", connect_timeout=2))
    answer = ask_source("PostgreSQL", lambda: query_history(nobody, SPAN, ["a"]))
    assert not answer["available"]
    assert "refused" in answer["reason"]
    assert "hunter22" not in answer["reason"]


@pytest.mark.integration
def test_queues_are_counted_without_receiving_and_one_that_is_missing_costs_its_row_only(aws: Aws) -> None:
    client, name = aws.client("sqs"), f"q-{uuid.uuid4().hex[:10]}"
    for queue in (name, f"{name}-dlq"):
        client.create_queue(QueueName=queue)
    url = client.get_queue_url(QueueName=name)["QueueUrl"]
    for number in range(3):
        client.send_message(QueueUrl=url, MessageBody=str(number))
    there = QueuePair("there", name, f"{name}-dlq")
    gone, letters = QueuePair("gone", "none", "none-dlq"), QueuePair("letters", None, f"{name}-dlq")

    rows = query_queues(client, [there, gone, letters])["queues"]
    assert rows[0] == {"title": "there", "waiting": 3, "in_flight": 0, "dead": 0}
    assert "none-dlq" in rows[1]["error"]
    assert rows[2] == {"title": "letters", "waiting": None, "in_flight": None, "dead": 0}
    [message] = client.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_reader_sees_the_queues_of_the_dags_that_may_be_read() -> None:
    assert [pair.title for pair in readable_queues("e", ["prices_on_event", "load_market"])] == [
        "load_market", "price_requests", "price_manifests",
    ]  # fmt: skip
    every = [
        "prices_on_event",
        "prices_daily",
        "g1_metrics",
        *(f"load_{d}" for d in ("market", "customer", "product", "analytics")),
    ]
    assert {pair.title for pair in readable_queues("e", every)} == {pair.title for pair in queue_pairs("e")}
