"""Whoever is killed, wherever: one final state a request, exact places, at least one event."""

from __future__ import annotations

import threading
import time
from collections import Counter

import httpx
import pytest

from include.participation.models import ParticipationMessage, Request
from tests.conftest import free_port
from tests.participation.api import AUDIENCE, ISSUER, KEY, of
from tests.participation.conftest import Service
from tests.participation.parts import SECONDS, killed_at, running, wait_until

pytestmark = pytest.mark.integration
PATIENT = {"PARTICIPATION_VISIBILITY_SECONDS": "60"}
"""Of a worker that is not killed: on a slow machine no message of its is delivered again while it works."""


def killed_ingest(service: Service, step: str) -> None:
    """Let an ingest of its own take a request of u1 for e1, and kill it at the step."""
    more = {
        "PARTICIPATION_JWT_KEY": KEY, "PARTICIPATION_JWT_ALGORITHM": "HS256", "PARTICIPATION_JWT_ISSUER": ISSUER,
        "PARTICIPATION_JWT_AUDIENCE": AUDIENCE, "PARTICIPATION_PORT": str(port := free_port()),
    }  # fmt: skip
    asking = threading.Thread(target=ask, args=(f"http://127.0.0.1:{port}",))
    with killed_at(service, step, "ingest", **more):
        asking.start()
    asking.join()


def ask(url: str) -> None:
    """Ask for a place until somebody takes the request; the answer never comes."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            httpx.post(f"{url}/events/e1/participations", headers=of("u1"), timeout=SECONDS)
        except httpx.ConnectError:  # noqa: PERF203 - it is waited for
            time.sleep(0.1)  # it does not listen yet
        except httpx.TransportError:
            return


def deliver_until_empty(service: Service) -> None:
    """Let a worker handle each delivery until nothing comes any more."""
    while service.queue.depth().total:
        service.worker().handle(service.queue.receive(1, visibility_seconds=60, wait_seconds=5))


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


def test_ingest_killed_before_the_message_goes_on_when_it_is_asked_again(service: Service) -> None:
    killed_ingest(service, "PutItem:1")
    assert service.requests.newest("u1", limit=20) == ([], None)
    assert service.queue.depth().total == 0
    request = service.asked()
    assert request.status == "QUEUED"
    service.work()
    assert_whole(service, [request], 3)


def test_ingest_killed_after_the_message_is_queued_by_the_time_sqs_took_it(service: Service) -> None:
    killed_ingest(service, "SendMessage:1")
    assert service.requests.newest("u1", limit=20) == ([], None), "it was never QUEUED"
    (first,) = service.received(seconds=1)
    deliver_until_empty(service)  # each delivery is given back until ingest must be dead
    (found,), _ = service.requests.newest("u1", limit=20)
    assert found.queued_at == int(first.sent_at.timestamp() * 1000)
    assert_whole(service, [found], 3)


def test_ingest_killed_before_its_answer_has_taken_the_request(service: Service) -> None:
    killed_ingest(service, "UpdateItem:1")
    (found,), _ = service.requests.newest("u1", limit=20)
    assert found.status == "QUEUED"
    assert service.asked() == found, "asked again it is the same request"
    service.work()
    assert service.queue.depth().total == 0
    assert_whole(service, [found], 3)


def test_a_worker_is_patient_with_an_ingest_that_is_slow(service: Service) -> None:
    request = service.requests.receive("u1", "e1", "FIRST_COME", now=1)
    message = ParticipationMessage(requestId=request.request_id, userId="u1", eventId="e1")
    service.queue.send(message.model_dump())
    messages = service.received()
    assert messages[0].received == 1
    service.worker().handle(messages)
    assert service.queue.depth().total == 1
    service.requests.queue(request, queued_at=2)  # what ingest writes a moment later
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
    with killed_at(service, step, "worker", PARTICIPATION_PARALLELISM="1"):
        pass
    with running(service, "worker", PARTICIPATION_PARALLELISM="2", **PATIENT):
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
        running(service, "worker", PARTICIPATION_PARALLELISM="8", **PATIENT),
        running(service, "worker", PARTICIPATION_PARALLELISM="8", **PATIENT),
    ):
        wait_until(lambda: service.queue.depth().total == 0, "an empty queue")
    states = Counter(service.now(one).status for one in requests)
    assert states == {"SUCCEEDED": 100, "REJECTED": 200}
    found = service.capacity.find("big")
    assert found is not None
    assert found.remaining == 0
    assert {event["requestId"] for event in service.events()} == {one.request_id for one in requests}
