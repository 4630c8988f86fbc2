"""A request goes through its states once, whoever handles it and however often."""

from __future__ import annotations

import pytest

from include.clients.queues import Message
from include.core.contracts.participation import ParticipationProcessed
from include.participation.models import Delivery, Request
from tests.participation.conftest import Service

pytestmark = pytest.mark.integration


def test_a_request_is_queued_once_its_message_is_sent(service: Service) -> None:
    request = service.asked()
    assert (request.status, service.queue.depth().total) == ("QUEUED", 1)
    item = service.table.get({"PK": f"REQUEST#{request.request_id}", "SK": "REQUEST"})
    assert item is not None
    assert (item["GSI1PK"], item["GSI1SK"]) == ("USER#u1", f"{request.queued_at}#{request.request_id}")


def test_a_request_that_was_only_received_is_in_no_index(service: Service) -> None:
    request = service.requests.receive("u1", "e1", "FIRST_COME", now=1)
    item = service.table.get({"PK": f"REQUEST#{request.request_id}", "SK": "REQUEST"})
    assert item is not None
    assert not {"GSI1PK", "GSI1SK", "queuedAt"} & item.keys()


def test_asked_again_it_is_the_same_request_and_no_second_message(service: Service) -> None:
    first = service.asked()
    assert service.asked() == first
    service.work()
    assert service.asked() == service.now(first)
    assert service.queue.depth().total == 0


def test_a_processed_request_is_one_event_that_says_what_the_table_says(service: Service) -> None:
    request = service.asked()
    service.work()
    final = service.now(request)
    (detail,) = service.events()
    event = ParticipationProcessed.model_validate(detail)
    assert (final.status, event.finalStatus, event.resultCode) == ("SUCCEEDED", "SUCCEEDED", "SUCCESS")
    assert (event.requestId, event.eventId, event.eventType) == (request.request_id, "e1", "FIRST_COME")
    assert event.timestamps.queuedAt == request.queued_at
    assert event.timestamps.queuedAt <= event.timestamps.startedAt <= event.timestamps.finishedAt
    assert (event.delivery.attempt, event.delivery.isDlq, event.meta.workerId) == (1, False, "local-1")
    assert event.env == service.environment
    assert service.queue.depth().total == 0


def test_the_worker_never_makes_the_time_of_queueing(service: Service) -> None:
    """Even where its clock is an hour ahead."""
    request = service.asked()
    worker = service.worker()
    object.__setattr__(worker.processor, "clock", lambda: (request.queued_at or 0) + 3_600_000)
    worker.handle(service.received())
    (event,) = service.events()
    assert event["timestamps"]["queuedAt"] == request.queued_at
    assert event["timestamps"]["startedAt"] == (request.queued_at or 0) + 3_600_000


def test_a_request_that_was_queued_as_a_worker_reached_for_it_is_not_begun_before_that(
    service: Service,
) -> None:
    """The worker has the message before ingest says QUEUED: it had looked at the clock when ingest did."""
    request = service.asked()
    queued, worker = request.queued_at or 0, service.worker()
    instants = iter([queued - 4, queued + 1, queued + 2])
    object.__setattr__(worker.processor, "clock", lambda: next(instants))
    worker.handle(service.received())
    (event,) = service.events()
    assert (event["timestamps"]["startedAt"], event["timestamps"]["finishedAt"]) == (queued + 1, queued + 2)


def test_a_worker_whose_clock_is_behind_says_so_and_does_its_work(service: Service) -> None:
    """Clocks of two machines differ; `negative_delay` of the analysis is there to show it."""
    request = service.asked()
    worker = service.worker()
    object.__setattr__(worker.processor, "clock", lambda: (request.queued_at or 0) - 5_000)
    worker.handle(service.received())
    (event,) = service.events()
    assert event["finalStatus"] == "SUCCEEDED"
    assert event["timestamps"]["startedAt"] == (request.queued_at or 0) - 5_000


def test_places_are_given_until_none_is_left(service: Service) -> None:
    requests = [service.asked(f"u{number}") for number in range(5)]
    service.work()
    assert sorted(service.now(one).status for one in requests) == ["REJECTED"] * 2 + ["SUCCEEDED"] * 3
    found = service.capacity.find("e1")
    assert found is not None
    assert found.remaining == 0
    rejected = [event for event in service.events() if event["finalStatus"] == "REJECTED"]
    assert [(one["resultCode"], one["failure"]["errorCode"]) for one in rejected] == [("SOLD_OUT",) * 2] * 2


def test_a_message_that_is_delivered_again_takes_no_second_place(service: Service) -> None:
    service.asked()
    (message,) = service.received()
    for _ in range(3):
        service.worker().handle([message])
    found = service.capacity.find("e1")
    assert found is not None
    assert found.remaining == 2
    events = service.events()
    assert len(events) == 3
    assert all(event == events[0] for event in events)


def test_of_two_workers_on_one_request_one_decides(service: Service) -> None:
    request = service.asked()
    started = service.requests.start(request.request_id, now=5, seen_queued=True)
    for worker in ("a", "b"):
        service.capacity.take(started, Delivery(1, False, worker), now=9)
    found = service.capacity.find("e1")
    assert found is not None
    assert found.remaining == 2
    delivery = service.now(request).delivery
    assert delivery is not None
    assert delivery.worker_id == "a"


def test_a_request_for_an_event_that_is_gone_is_rejected(service: Service) -> None:
    request = service.requests.receive("u1", "gone", "FIRST_COME", now=1)
    service.requests.queue(request, queued_at=2)
    service.queue.send({"requestId": request.request_id, "userId": "u1", "eventId": "gone"})
    service.work()
    assert service.now(request).outcome is not None
    assert [event["resultCode"] for event in service.events()] == ["EVENT_NOT_FOUND"]


@pytest.mark.parametrize("step", ["start", "settle", "queue"])
def test_a_final_state_never_changes(service: Service, step: str) -> None:
    request = service.asked()
    service.work()
    final = service.now(request)
    again: Request = {
        "start": lambda: service.requests.start(request.request_id, now=1),
        "queue": lambda: service.requests.queue(request, queued_at=1),
        "settle": lambda: service.requests.settle(request, final.outcome, Delivery(9, True, "x"), now=1),  # type: ignore[arg-type]
    }[step]()
    assert again == final == service.now(request)


def test_what_cannot_be_handled_keeps_nothing_else_up(service: Service) -> None:
    """Partial-batch acknowledgement: only what was handled is deleted."""
    good = service.asked()
    service.queue.send("no JSON")
    messages: list[Message] = service.received()
    service.worker().handle(messages)
    assert service.now(good).final
    assert service.queue.depth().total == 1
