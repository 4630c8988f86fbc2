"""Whoever is killed, wherever: one final state a request, exact places, at least one event."""

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

import pytest

from include.participation.ingest.service import Ingest
from include.participation.models import Request
from tests.participation.conftest import Service
from tests.participation.parts import DIE_AT, running, wait_until

pytestmark = pytest.mark.integration


class Killed(Exception):
    """Stands for the end of the process."""


def killed_ingest(service: Service, monkeypatch: pytest.MonkeyPatch, target: Any, name: str) -> None:
    """Let ingest take a request and die instead of the call."""

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(target, name, die)
        with pytest.raises(Killed):
            service.ingest.participate("u1", "e1")


def assert_whole(service: Service, requests: list[Request], places: int) -> None:
    """Hold the service's promise against table and events."""
    states = Counter(service.now(request).status for request in requests)
    expected = Counter(SUCCEEDED=min(places, len(requests)))
    expected["REJECTED"] = len(requests) - expected["SUCCEEDED"]
    assert states == +expected
    event = service.capacity.find("e1")
    assert event is not None
    assert event.remaining == places - states["SUCCEEDED"]
    events = {event["requestId"]: event for event in service.events()}
    assert {name: event["finalStatus"] for name, event in events.items()} == {
        request.request_id: service.now(request).status for request in requests
    }
    assert all(event["timestamps"]["queuedAt"] for event in events.values())


def test_ingest_killed_before_the_message_goes_on_when_it_is_asked_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest: Ingest = service.ingest
    killed_ingest(service, monkeypatch, ingest._queue, "send")
    assert service.requests.newest("u1", limit=20) == ([], None)
    assert service.queue.depth().total == 0
    request = service.asked()
    assert request.status == "QUEUED"
    service.work()
    assert_whole(service, [request], 3)


def test_ingest_killed_after_the_message_is_queued_by_the_time_sqs_took_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_ingest(service, monkeypatch, service.requests.__class__, "queue")
    (first,) = service.received(seconds=1)
    while service.queue.depth().total:  # each delivery is given back until ingest must be dead
        service.worker().handle(service.queue.receive(1, visibility_seconds=60, wait_seconds=5))
    (found,), _ = service.requests.newest("u1", limit=20)
    assert found.queued_at == int(first.sent_at.timestamp() * 1000)
    assert_whole(service, [found], 3)


def test_a_worker_is_patient_with_an_ingest_that_is_slow(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_ingest(service, monkeypatch, service.requests.__class__, "queue")
    messages = service.received()
    assert messages[0].received == 1
    service.worker().handle(messages)
    assert service.queue.depth().total == 1
    request = service.asked()  # what ingest would have written a moment later
    service.worker().handle(service.queue.receive(10, visibility_seconds=60, wait_seconds=5))
    assert service.now(request).status == "SUCCEEDED"


@pytest.mark.parametrize(
    "step",
    [
        "ReceiveMessage:1", "UpdateItem:2", "TransactWriteItems:1", "TransactWriteItems:3", "UpdateItem:5", "PutEvents:1",
        "DeleteMessageBatch:1",
    ],
)  # fmt: skip
def test_a_worker_killed_at_any_step_loses_and_doubles_nothing(service: Service, step: str) -> None:
    requests = [service.asked(f"u{number}") for number in range(6)]
    with running(service, "worker", PARTICIPATION_PARALLELISM="1", **{DIE_AT: step}) as first:
        assert first.wait(60) == -signal.SIGKILL
    with running(service, "worker", PARTICIPATION_PARALLELISM="2"):
        wait_until(lambda: service.queue.depth().total == 0, "an empty queue")
    assert_whole(service, requests, 3)


def test_a_worker_that_is_told_to_stop_finishes_what_it_holds_and_takes_no_more(service: Service) -> None:
    requests = [service.asked(f"u{number}") for number in range(40)]
    with running(service, "worker", PARTICIPATION_PARALLELISM="2") as worker:
        wait_until(lambda: any(service.now(one).final for one in requests), "a first final state")
        worker.terminate()
        assert worker.wait(30) == 0
    states = Counter(service.now(one).status for one in requests)
    assert not states["PROCESSING"]
    assert service.queue.depth().in_flight == 0
    assert service.queue.depth().visible == states["QUEUED"]


def test_a_hundred_places_for_three_hundred_requests_and_two_processes(service: Service) -> None:
    service.capacity.open("big", 100)
    requests = [service.asked(f"u{number}", "big") for number in range(300)]
    with (
        running(service, "worker", PARTICIPATION_PARALLELISM="8"),
        running(service, "worker", PARTICIPATION_PARALLELISM="8"),
    ):
        wait_until(lambda: service.queue.depth().total == 0, "an empty queue", 120)
    states = Counter(service.now(one).status for one in requests)
    assert states == {"SUCCEEDED": 100, "REJECTED": 200}
    found = service.capacity.find("big")
    assert found is not None
    assert found.remaining == 0
    assert {event["requestId"] for event in service.events()} == {one.request_id for one in requests}
