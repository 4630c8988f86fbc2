"""`dlq_redrive` by Airflow on the local default: a dry run shows, a run redrives, a typo is refused."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import date, datetime, timezone

import pytest

from devstack.dagrun import run_dag
from devstack.stack import ENVIRONMENT, Stack
from include.clients.queues import Message, Queue
from include.core.contracts import HISTORY_ATTRIBUTE, DeadLetter
from include.core.queues import load_queues
from tests.conftest import RETRY_AT_ONCE
from tests.market import applied

pytestmark = pytest.mark.integration
PAIR = load_queues(ENVIRONMENT, "product")


@pytest.fixture(scope="module")
def airflow(stack: Stack) -> Iterator[Stack]:
    with applied(stack.environment() | RETRY_AT_ONCE):
        yield stack


@pytest.fixture
def key(airflow: Stack) -> Iterator[str]:
    """The key of a letter of the test's own; its message is taken away afterwards."""
    client = airflow.aws().client("sqs")
    key = f"product/items/ds=2026-11-20/{uuid.uuid4().hex}.parquet"
    letter = DeadLetter(
        source_queue=str(PAIR.queue),
        original_body=json.dumps({"key": key}),
        code="E005",
        error="WarehouseUnavailable",
        message="ClickHouse refuses connections",
        attempts=3,
        key=key,
        failed_at=datetime(2026, 11, 20, tzinfo=timezone.utc),
    )
    Queue(client, PAIR.dlq).send(letter.model_dump_json())
    yield key
    for name in (str(PAIR.queue), PAIR.dlq):
        take(airflow, name, key)


def take(stack: Stack, name: str, key: str) -> list[Message]:
    """Take the key's messages out of a queue and return them; others' are given back."""
    queue = Queue(stack.aws().client("sqs"), name)
    held: dict[str, Message] = {}
    while fresh := [one for one in queue.receive(10, visibility_seconds=60) if one.id not in held]:
        held |= {message.id: message for message in fresh}
    ours = [message for message in held.values() if key in message.body]
    queue.delete(ours)
    queue.hide([message for message in held.values() if message not in ours], 0)
    return ours


def test_a_run_of_the_form_as_it_is_shows_and_moves_nothing(airflow: Stack, key: str) -> None:
    run = run_dag("dlq_redrive", date(2026, 11, 1), {"queue": PAIR.title})
    assert run.state == "success"
    assert take(airflow, str(PAIR.queue), key) == []
    assert len(take(airflow, PAIR.dlq, key)) == 1


def test_a_run_that_is_no_dry_run_redrives_what_its_filter_means(airflow: Stack, key: str) -> None:
    run = run_dag("dlq_redrive", date(2026, 11, 2), {"queue": PAIR.title, "dry_run": False, "key": key})
    assert run.state == "success"
    (message,) = take(airflow, str(PAIR.queue), key)
    assert json.loads(message.body) == {"key": key}
    assert json.loads(message.attributes[HISTORY_ATTRIBUTE])[0]["code"] == "E005"
    assert take(airflow, PAIR.dlq, key) == []


@pytest.mark.parametrize("conf", [{"queue": PAIR.title, "dry_runn": False}, {"dry_run": False}], ids=str)
def test_a_typo_ends_the_run_before_anything_is_received(
    airflow: Stack, key: str, conf: dict[str, object]
) -> None:
    run = run_dag("dlq_redrive", date(2026, 11, 3 + len(conf)), conf)
    assert run.state == "failed"
    assert {ti.task_id: str(ti.state) for ti in run.get_task_instances()} == {
        "resolve_request": "failed",
        "redrive_letters": "upstream_failed",
    }
    assert len(take(airflow, PAIR.dlq, key)) == 1
