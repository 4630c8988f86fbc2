"""A poison message ends as FAILED_FINAL once the dead letters are consumed; `isDlq` says who was a dead letter."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from include.core.contracts.dead_letter import HISTORY_ATTRIBUTE
from include.core.contracts.participation import ParticipationProcessed
from include.participation.models import Request
from include.redrive.config import RedriveRequest
from include.redrive.redrive import redrive_letters
from tests.participation.conftest import Service

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)


def to_letters(service: Service) -> None:
    """Let all messages fail as often as the queue lets them."""
    for _ in range(10):
        messages = service.queue.receive(10, visibility_seconds=60)
        service.worker().handle(messages)
        service.queue.hide(messages, 0)
        if service.dlq.depth().total and not service.queue.depth().total:
            return
    raise AssertionError("no dead letter")


def poisoned(service: Service) -> Request:
    """Return a request of an event that no worker knows how to decide, in the dead letters."""
    service.capacity.open("odd", 5, event_type="LOTTERY")
    request = service.asked("u1", "odd")
    to_letters(service)
    return request


def consume_letters(service: Service) -> None:
    service.worker(from_dlq=True).handle(service.received(service.dlq))


def test_the_main_queue_fails_no_request_for_good(service: Service) -> None:
    request = poisoned(service)
    assert service.now(request).status == "PROCESSING"
    assert service.events() == []


def test_a_poison_message_of_the_dead_letters_is_failed_final(service: Service) -> None:
    request = poisoned(service)
    consume_letters(service)
    (detail,) = service.events()
    event = ParticipationProcessed.model_validate(detail)
    assert service.now(request).status == event.finalStatus == "FAILED_FINAL"
    assert event.delivery.isDlq
    assert (event.failure.failureClass, event.failure.errorCode) == ("TERMINAL", "UnsupportedEventType")
    assert event.timestamps.queuedAt == request.queued_at
    assert service.dlq.depth().total == 0
    found = service.capacity.find("odd")
    assert found is not None
    assert found.remaining == 5


def test_a_dead_letter_that_can_be_processed_now_ends_as_it_would_have(service: Service) -> None:
    request = service.asked()
    (message,) = service.received()
    service.dlq.send(message.body)
    service.queue.delete([message])
    consume_letters(service)
    (event,) = service.events()
    assert (service.now(request).status, event["delivery"]["isDlq"]) == ("SUCCEEDED", True)


def test_a_broken_body_fails_the_request_it_names(service: Service) -> None:
    request = service.asked()
    service.queue.delete(service.received())
    service.dlq.send({"requestId": request.request_id})
    consume_letters(service)
    assert service.now(request).status == "FAILED_FINAL"
    assert [event["failure"]["errorCode"] for event in service.events()] == ["InvalidMessage"]


@pytest.mark.parametrize(
    "body", ["no JSON", "[]", "{}", '{"requestId": "req-of-nobody"}', '{"requestId": 7}']
)
def test_a_letter_about_no_request_is_dropped_aloud(
    service: Service, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    service.dlq.send(body)
    consume_letters(service)
    assert service.dlq.depth().total == 0
    assert "is dropped: " in caplog.text
    assert service.events() == []


def test_a_redriven_message_says_that_it_was_a_dead_letter(service: Service) -> None:
    request = poisoned(service)
    key = {"PK": f"REQUEST#{request.request_id}", "SK": "REQUEST"}
    service.table.update(key, {  # somebody mended what was wrong
        "UpdateExpression": "SET eventType = :type", "ConditionExpression": "attribute_exists(PK)",
        "ExpressionAttributeValues": {":type": "FIRST_COME"},
    })  # fmt: skip
    asked = RedriveRequest(queue="participation", dry_run=False)
    told = redrive_letters(asked, aws=service.aws, environment=service.environment, now=NOW)
    assert told["redriven"] == 1
    (message,) = service.received()
    assert HISTORY_ATTRIBUTE in message.attributes
    service.worker().handle([message])
    (event,) = service.events()
    assert (service.now(request).status, event["delivery"]) == ("SUCCEEDED", {"attempt": 1, "isDlq": True})


def test_a_message_of_the_main_queue_is_never_a_dead_letter(service: Service) -> None:
    service.asked()
    for _ in range(3):
        service.queue.hide(service.queue.receive(10, visibility_seconds=60), 0)
    service.work()
    (event,) = service.events()
    assert event["delivery"] == {"attempt": 4, "isDlq": False}
