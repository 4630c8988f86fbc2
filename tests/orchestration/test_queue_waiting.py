"""The watcher wakes while messages wait, looks without receiving, and never ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from include.clients.aws import Aws
from include.clients.queues import Queue
from include.core.queues import load_queues
from include.orchestration.schedules import on_messages
from include.orchestration.triggers.queue_waiting import QueueWaitingTrigger, Wakes
from tests.market import applied


def test_wakes_at_once_and_then_ever_more_rarely_while_messages_wait() -> None:
    wakes = Wakes()
    due = [second for second in range(120) if wakes.is_due(3, second)]
    assert due == [0, 5, 15, 35, 65, 95]


def test_a_queue_that_was_empty_wakes_at_once_again() -> None:
    wakes = Wakes()
    assert wakes.is_due(1, 0)
    assert not wakes.is_due(0, 1)
    assert wakes.is_due(1, 2)


def test_a_watcher_is_made_again_from_what_it_serializes_to() -> None:
    trigger = QueueWaitingTrigger(title="load_market", poll_seconds=3)
    path, arguments = trigger.serialize()
    assert path == "include.orchestration.triggers.queue_waiting.QueueWaitingTrigger"
    assert QueueWaitingTrigger(**arguments).serialize() == trigger.serialize()


def test_a_schedule_has_one_watcher_a_queue_and_a_sweep() -> None:
    schedule = on_messages("price_requests", "price_manifests", sweep="*/15 * * * *")
    watchers = [watcher for asset in schedule.asset_condition.objects for watcher in asset.watchers]
    assert [watcher.trigger.title for watcher in watchers] == ["price_requests", "price_manifests"]
    assert schedule.timetable.expression == "*/15 * * * *"


@pytest.fixture
def queue(aws: Aws) -> Iterator[Queue]:
    """The queue of `load_market` in a deployment that only this test knows."""
    name = load_queues("watched", "market").queue
    settings = {
        "environment": "watched", "raw_bucket": "r", "curated_bucket": "c", "idempotency_table": "i",
        "batch_table": "b", "source_table": "s", "extract_dlq": "d",
    }  # fmt: skip
    connection = {
        "conn_type": "aws",
        "login": aws.access_key_id,
        "password": aws.secret_access_key,
        "extra": {"region_name": aws.region, "endpoint_url": aws.endpoint_url},
    }
    environment = {
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        "AIRFLOW_VAR_TAPELINE_SETTINGS": json.dumps(settings),
    }
    with applied(environment):
        yield Queue(aws.client("sqs"), str(name))
    client = aws.client("sqs")
    for url in client.list_queues(QueueNamePrefix="tapeline-watched-").get("QueueUrls", []):
        client.delete_queue(QueueUrl=url)


async def _next_event(trigger: QueueWaitingTrigger, seconds: float) -> dict[str, Any]:
    event = await asyncio.wait_for(anext(trigger.run()), seconds)
    return dict(event.payload)


@pytest.mark.integration
def test_it_fires_for_a_waiting_message_and_leaves_it_unreceived(aws: Aws, queue: Queue) -> None:
    aws.client("sqs").create_queue(QueueName=queue.name)
    queue.send({"any": "thing"})
    trigger = QueueWaitingTrigger(title="load_market", poll_seconds=0.1)
    assert asyncio.run(_next_event(trigger, 30)) == {"queue": "load_market", "waiting": 1}
    assert [message.received for message in queue.receive(1, visibility_seconds=0)] == [1]


@pytest.mark.integration
def test_it_goes_on_where_its_queue_comes_late(aws: Aws, queue: Queue) -> None:
    async def late() -> dict[str, Any]:
        watching = asyncio.create_task(
            _next_event(QueueWaitingTrigger(title="load_market", poll_seconds=0.1), 30)
        )
        await asyncio.sleep(1)
        assert not watching.done()
        aws.client("sqs").create_queue(QueueName=queue.name)
        queue.send({"any": "thing"})
        return await watching

    assert asyncio.run(late()) == {"queue": "load_market", "waiting": 1}
