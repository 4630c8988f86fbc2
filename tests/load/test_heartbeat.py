"""A message that is worked on is not delivered to anybody else, however long the work takes."""

from __future__ import annotations

import logging
import time
import uuid

import pytest

from include.clients.aws import Aws
from include.clients.queues import Message, Queue
from include.core.errors import ServiceUnavailable
from include.load.heartbeat import Heartbeat
from tests.load.loads import wait_until

pytestmark = pytest.mark.integration
VISIBILITY = 2


@pytest.fixture
def queue(aws: Aws) -> Queue:
    client, name = aws.client("sqs"), f"beats-{uuid.uuid4().hex[:10]}"
    client.create_queue(QueueName=name)
    return Queue(client, name)


def received(queue: Queue) -> Message:
    queue.send({"any": "thing"})
    (message,) = queue.receive(1, visibility_seconds=VISIBILITY, wait_seconds=5)
    return message


def test_a_held_message_is_delivered_to_nobody_else_for_thrice_its_visibility(queue: Queue) -> None:
    message = received(queue)
    with Heartbeat(queue, VISIBILITY) as heartbeat:
        heartbeat.hold([message])
        assert queue.receive(1, visibility_seconds=1, wait_seconds=3 * VISIBILITY) == []
        assert not heartbeat.is_lost(message)
        queue.delete([message])
    assert queue.depth().total == 0


def test_a_message_comes_back_once_nobody_holds_it(queue: Queue) -> None:
    message = received(queue)
    with Heartbeat(queue, VISIBILITY) as heartbeat:
        heartbeat.hold([message])
    again = queue.receive(1, visibility_seconds=1, wait_seconds=20)
    assert [one.id for one in again] == [message.id]


def test_a_lost_message_is_noted_and_not_extended_any_more(queue: Queue) -> None:
    message, kept = received(queue), received(queue)
    queue.delete([message])
    with Heartbeat(queue, VISIBILITY) as heartbeat:
        heartbeat.hold([message, kept])
        assert wait_until(lambda: heartbeat.is_lost(message))
        assert heartbeat.held == [kept]


def test_what_was_deleted_by_its_own_loader_is_not_lost(queue: Queue) -> None:
    message = received(queue)
    with Heartbeat(queue, VISIBILITY) as heartbeat:
        heartbeat.hold([message])
        queue.delete([message])
        heartbeat.release([message])
        time.sleep(VISIBILITY / 2)
        assert not heartbeat.is_lost(message)


def test_it_survives_a_queue_that_does_not_answer(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    message = received(queue)
    hide, failures = queue.hide, [ServiceUnavailable("away"), RuntimeError("strange")]

    def failing_twice(messages: list[Message], seconds: int) -> list[str]:
        if failures:
            raise failures.pop()
        return hide(messages, seconds)

    with caplog.at_level(logging.WARNING), Heartbeat(queue, 12) as heartbeat:
        heartbeat._seconds = 0.3
        monkeypatch.setattr(queue, "hide", failing_twice)
        heartbeat.hold([message])
        assert wait_until(lambda: not failures)
        queue.delete([message])
        assert wait_until(lambda: heartbeat.is_lost(message))
