"""An event that cannot be published changes nothing else: one warning, one count (seed 003 §7.1)."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from include.participation.events import Events, event_of
from include.participation.worker.consumer import Consumer
from tests.participation.conftest import Service

pytestmark = pytest.mark.integration


class Broken:
    """An EventBridge that does not take events."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.calls = 0

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        if self.how == "refuses":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutEvents")
        if self.how == "does not answer":
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        answers = [{"ErrorCode": "InternalFailure", "ErrorMessage": "try later"} for _ in Entries]
        answers[0] = {"EventId": "1"}
        return {"Entries": answers, "FailedEntryCount": len(answers) - 1}


class Counted:
    """A CloudWatch that says what it was told."""

    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []

    def put_metric_data(self, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: N803
        self.data += MetricData


def broken_worker(service: Service, how: str) -> tuple[Consumer, Counted]:
    counted, worker = Counted(), service.worker()
    events = Events(Broken(how), counted, environment=service.environment)
    object.__setattr__(worker, "events", events)
    return worker, counted


@pytest.mark.parametrize(("how", "lost"), [("refuses", 5), ("does not answer", 5), ("takes the first", 4)])
def test_states_and_acknowledgements_are_the_same_with_eventbridge_broken(
    service: Service, caplog: pytest.LogCaptureFixture, how: str, lost: int
) -> None:
    requests = [service.asked(f"u{number}") for number in range(5)]
    worker, counted = broken_worker(service, how)
    with caplog.at_level(logging.WARNING):
        worker.handle(service.received())
    assert Counter(service.now(one).status for one in requests) == {"SUCCEEDED": 3, "REJECTED": 2}
    assert service.queue.depth().total == 0
    warned = [record.getMessage() for record in caplog.records if "was not published" in record.getMessage()]
    assert len(warned) == lost
    assert len({name for name in (one.request_id for one in requests) if name in str(warned)}) == lost
    (metric,) = counted.data
    assert (metric["MetricName"], metric["Value"]) == ("EventsNotPublished", lost)


def test_events_come_again_when_eventbridge_is_well(service: Service) -> None:
    first = service.asked("u1")
    broken_worker(service, "refuses")[0].handle(service.received())
    second = service.asked("u2")
    service.work()
    assert [event["requestId"] for event in service.events()] == [second.request_id]
    assert service.now(first).final


def test_an_event_is_of_a_final_request_only(service: Service) -> None:
    with pytest.raises(ValueError, match="only a final request"):
        event_of(service.asked(), "any")


def test_ten_events_are_one_call(service: Service, count_calls: Any) -> None:
    for number in range(10):
        service.asked(f"u{number}")
    messages = service.received()
    before = Counter(count_calls())
    service.worker().handle(messages)
    made = Counter(count_calls()) - before
    assert (made["PutEvents"], made["DeleteMessageBatch"], made["Scan"]) == (1, 1, 0)
