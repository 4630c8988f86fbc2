"""A service that does not answer costs messages nothing but time."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.core.errors import CallRefused, CredentialsMissing, ServiceUnavailable
from include.participation.models import Delivery
from include.participation.table import CONFLICTS
from include.participation.worker.consumer import FIRST_BACK_OFF, LONGEST_BACK_OFF, back_off
from tests.participation.conftest import Service

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("error", [ServiceUnavailable, CallRefused, CredentialsMissing])
@pytest.mark.parametrize("from_dlq", [False, True])
def test_messages_are_given_back_and_no_more_are_taken_until_the_table_answers(
    service: Service, monkeypatch: pytest.MonkeyPatch, error: type[Exception], from_dlq: bool
) -> None:
    requests = [service.asked(f"u{number}") for number in range(3)]
    messages = service.received()
    worker = service.worker(from_dlq=from_dlq)
    if from_dlq:
        object.__setattr__(worker, "queue", service.queue)

    def broken(*_: Any, **__: Any) -> None:
        raise error("the table does not answer")

    with monkeypatch.context() as patch:
        for name in ("start", "get"):
            patch.setattr(service.requests.__class__, name, broken)
        assert not worker.handle(messages)
        patch.setattr(
            worker.queue.__class__, "receive", lambda *_, **__: pytest.fail("a message was received")
        )
        assert [worker._turn(pause) for pause in (1.0, 2.0, 30.0)] == [2.0, 4.0, 30.0]
    assert {service.now(one).status for one in requests} == {"QUEUED"}
    assert service.queue.depth().in_flight == 3
    assert service.events() == []


def test_a_transaction_that_meets_others_is_tried_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = service.requests.start(service.asked().request_id, now=1, seen_queued=True)
    client, calls = service.table._client, 0
    transact = client.transact_write_items

    def busy(**arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % (CONFLICTS + 2):
            reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
            answer = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(answer, "TransactWriteItems")  # type: ignore[arg-type]
        return transact(**arguments)

    monkeypatch.setattr(client, "transact_write_items", busy)
    with pytest.raises(ServiceUnavailable):
        service.capacity.take(request, Delivery(1, False, "w"), now=9)
    assert calls == CONFLICTS + 1
    assert service.capacity.take(request, Delivery(1, False, "w"), now=9) == "taken"


def test_a_message_waits_longer_the_more_often_it_failed() -> None:
    for received in range(1, 20):
        longest = min(FIRST_BACK_OFF * 2 ** (received - 1), LONGEST_BACK_OFF)
        assert longest // 2 <= back_off(received) <= longest
