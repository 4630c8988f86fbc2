"""What an event asks for, and what becomes of one that cannot be read."""

from __future__ import annotations

import json
import uuid
from datetime import date, datetime, timezone
from typing import Any

import pytest

from include.clients.aws import Aws
from include.clients.queues import Message, Queue
from include.core.contracts import HISTORY_ATTRIBUTE, Attempt
from include.core.errors import InvalidMessage, InvalidRequest, ServiceUnavailable
from include.prices import price_events
from include.prices.chunks import dead_letter
from include.prices.config import PricesRequest
from include.prices.letters import Letterbox
from include.prices.plan import plan_run
from include.prices.price_events import from_handle, read_request, take_request, to_handle
from include.prices.receipts import Outcome
from include.prices.universe import Universe
from include.redrive.extract import ExtractLetter, price_event

NOW = datetime(2013, 3, 6, 12, tzinfo=timezone.utc)
ATTEMPT = Attempt(code="E001", error="InvalidRequest", message="m", attempts=1, failed_at=NOW)


def body(detail: Any, **changes: Any) -> str:
    event = {
        "id": "e-1", "time": "2013-03-04T12:00:00Z", "source": "tapeline", "detail_type": "PricesRequested",
        "detail": detail,
    }  # fmt: skip
    return json.dumps(event | changes)


def test_a_request_has_the_fields_of_the_form_and_the_events_id() -> None:
    found = read_request(body({"symbols": ["aapl"], "period": "5d"}), now=NOW)
    assert found["correlation_id"] == "e-1"
    asked = found["request"]
    assert (asked["symbols"], asked["period"], asked["trigger_type"]) == (["AAPL"], "5d", "event")


def test_the_session_day_is_that_of_the_event_however_late_it_is_read() -> None:
    """Else an event that is delivered again the day after would have another key, and do its work again."""
    monday_before_close = read_request(body({}), now=NOW)
    assert monday_before_close["session"] == "2013-03-01"
    after_close = read_request(body({}, time="2013-03-04T22:00:00"), now=NOW)
    assert after_close["session"] == "2013-03-04"


def test_an_event_of_the_future_is_one_of_now() -> None:
    assert read_request(body({}, time="2113-03-04T12:00:00Z"), now=NOW)["session"] == "2013-03-05"


def test_the_details_own_correlation_id_is_kept() -> None:
    assert read_request(body({"correlation_id": "mine"}), now=NOW)["correlation_id"] == "mine"


def test_a_symbol_that_was_added_is_forced_along_with_others() -> None:
    detail = {"symbol": "msft", "force_symbols": ["IBM"], "period": "1y"}
    asked = read_request(body(detail, detail_type="SymbolAdded"), now=NOW)["request"]
    assert (asked["force_symbols"], asked["period"]) == (["MSFT", "IBM"], "1y")


def test_a_wrong_value_is_its_default_as_in_a_run_by_hand() -> None:
    assert read_request(body({"interval": "2d"}), now=NOW)["request"]["interval"] == "1d"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", ["Invalid JSON"]),
        ("[]", ["should be an object"]),
        (json.dumps({"id": "e"}), ["time", "source", "detail_type", "detail"]),
        (body([]), ["detail: Input should be an object"]),
        (body({}, extra=1), ["unknown key 'extra'"]),
        (body({}, detail_type="SymbolGone"), ["detail_type: 'SymbolGone' is neither"]),
        (body({}, detail_type="SymbolAdded"), ["detail.symbol: SymbolAdded needs"]),
        (body({}, time="1969-01-01T00:00:00Z"), ["time: 1969"]),
        (body({"symbol": "IBM"}), ["unknown key 'symbol': did you mean 'symbols'?"]),
        (body({"symbol": 3}, detail_type="SymbolAdded"), ["force_symbols.0"]),
        (body({"symbol": "A", "force_symbols": "B"}, detail_type="SymbolAdded"), ["force_symbols"]),
        (body({"start": "x", "perod": 1, "symbols": "AAPL"}), ["start", "'perod'", "symbols"]),
        (body({}, id="with a space"), ["correlation_id"]),
        (body({"start": "2014-01-01"}), ["start 2014-01-01 is after 2013-03-01"]),
    ],
)
def test_a_wrong_event_is_refused_with_every_fault(text: str, faults: list[str]) -> None:
    with pytest.raises((InvalidMessage, InvalidRequest)) as refused:
        read_request(text, now=NOW)
    assert len(refused.value.faults) == len(faults)
    for fault in faults:
        assert fault in str(refused.value)


def test_the_event_of_a_redriven_chunk_asks_for_the_symbols_it_lost() -> None:
    """The two pipelines meet in this message alone."""
    request = PricesRequest(start=date(2013, 2, 28), interval="1h")
    plan = plan_run(
        request, Universe(["AAPL", "IBM"], "payload"), session=date(2013, 3, 1), correlation_id="c",
        max_map_length=10,
    )  # fmt: skip
    lost = [Outcome("IBM", "failed", error="SourceUnavailable", message="500")]
    letter = ExtractLetter.model_validate(
        dead_letter(plan, plan.chunks[0], lost, run_id="r", attempts=5) | {"failed_at": f"{NOW:%FT%TZ}"}
    )
    message = Message("m-1", letter.model_dump_json(), "receipt", 1, NOW)
    found = read_request(price_event(letter, message).model_dump_json(), now=NOW)
    asked = found["request"]
    assert (asked["force_symbols"], asked["start"], asked["end"]) == (["IBM"], "2013-02-28", "2013-03-01")
    assert asked["interval"] == "1h"


@pytest.fixture
def box(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Letterbox:
    """A queue and its dead letters, empty; nobody waits for more."""
    monkeypatch.setattr(price_events, "WAIT_SECONDS", 0)
    client, name = aws.client("sqs"), uuid.uuid4().hex[:12]
    for queue in (name, f"{name}-dlq"):
        client.create_queue(QueueName=queue)
    return Letterbox(Queue(client, name), Queue(client, f"{name}-dlq"))


@pytest.mark.integration
def test_one_request_is_taken_and_the_others_wait(box: Letterbox) -> None:
    for number in range(3):
        box.queue.send(body({}, id=f"e-{number}"))
    taken = take_request(box, now=NOW)
    assert taken.message
    assert taken.resolved
    assert (box.queue.depth().visible, box.queue.depth().in_flight) == (2, 1)
    box.queue.delete([from_handle(to_handle(taken.message))])
    assert box.queue.depth().total == 2


@pytest.mark.integration
def test_a_queue_with_nothing_but_wrong_events_is_emptied_into_letters(box: Letterbox) -> None:
    history = json.dumps([ATTEMPT.model_dump(mode="json")])
    box.queue.send(body({"perod": 1}), {HISTORY_ATTRIBUTE: history})
    box.queue.send("{", {HISTORY_ATTRIBUTE: "not a list"})
    taken = take_request(box, now=NOW)
    assert (taken.resolved, taken.refused) == (None, 2)
    assert box.queue.depth().total == 0
    letters = [json.loads(message.body) for message in box.dlq.receive(10, visibility_seconds=60)]
    past = {letter["original_body"]: letter["history"] for letter in letters}
    assert past == {body({"perod": 1}): json.loads(history), "{": []}


@pytest.mark.integration
def test_a_message_whose_letter_cannot_be_written_is_given_back(
    box: Letterbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise ServiceUnavailable("SQS is away")

    box.queue.send("{")
    monkeypatch.setattr(box.dlq, "send", away)
    with pytest.raises(ServiceUnavailable):
        take_request(box, now=NOW)
    assert box.queue.depth().visible == 1
