"""What a message of a dead-letter queue is, and what is sent for it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from include.core.contracts import HISTORY_ATTRIBUTE, Attempt, PriceEvent
from include.core.queues import QueuePair, extract_letters, load_queues, participation_queues, price_manifests
from include.prices.config import PricesRequest
from include.redrive.letters import HISTORY, ROOM, Letter, Parcel, read_letter
from tests.redrive.office import NOW, chunk_letter, letter, received

MARKET = load_queues("any", "market")


def read(body: Any, pair: QueuePair = MARKET, **attributes: str) -> Letter:
    return read_letter(received(body, **attributes), pair, "any")


def parcel(body: Any, pair: QueuePair = MARKET, **attributes: str) -> Parcel:
    found = read(body, pair, **attributes).parcel
    assert found is not None
    return found


def history(sent: Parcel) -> list[Attempt]:
    return [Attempt.model_validate(one) for one in json.loads(sent.attributes[HISTORY_ATTRIBUTE])]


def test_a_letter_says_code_key_reason_attempts_and_time() -> None:
    found = read(letter().model_dump_json())
    assert (found.codes, found.attempts, found.failed_at) == (("E005",), 3, NOW - timedelta(hours=1))
    assert found.keys == ("market/prices/ds=2026-11-20/part-000.parquet",)
    assert found.reason == "WarehouseUnavailable: ClickHouse refuses connections"


def test_the_original_message_goes_to_its_queue_letter_for_letter() -> None:
    sent = parcel(letter(original_body='{"a": 1} \n and more é').model_dump_json())
    assert (sent.queue, sent.body) == (MARKET.queue, '{"a": 1} \n and more é')


def test_the_message_carries_how_it_ended_every_time() -> None:
    earlier = Attempt(
        code="E004", error="WarehouseTimeout", message="late", attempts=3, failed_at=NOW - timedelta(days=1)
    )
    sent = parcel(letter(history=[earlier]).model_dump_json())
    assert [(one.code, one.attempts) for one in history(sent)] == [("E004", 3), ("E005", 3)]
    assert history(sent)[0] == earlier


def test_the_newest_attempts_are_kept_where_there_are_many() -> None:
    earlier = [
        Attempt(code=f"E{n:03}", error="x", message="y", attempts=1, failed_at=NOW) for n in range(1, 31)
    ]
    kept = history(parcel(letter(history=earlier).model_dump_json()))
    assert len(kept) == HISTORY
    assert [kept[0].code, kept[-2].code, kept[-1].code] == ["E022", "E030", "E005"]


@pytest.mark.parametrize("size", [10, ROOM - 3_000, ROOM - 100, ROOM])
def test_body_and_history_are_never_too_long_for_sqs(size: int) -> None:
    earlier = [Attempt(code="E001", error="x", message="ü" * 9_000, attempts=1, failed_at=NOW)] * 9
    sent = parcel(letter(original_body="x" * size, history=earlier).model_dump_json())
    assert sent.body == "x" * size
    extra = sum(len(name) + len(text) + 6 for name, text in sent.attributes.items())
    assert size + extra <= ROOM
    assert bool(sent.attributes) == (size < ROOM - 100)


def test_a_message_that_sqs_moved_is_unknown_and_goes_back_as_it_is() -> None:
    body = json.dumps({"bucket": "b", "key": "market/prices/ds=2026-11-20/p.parquet", "domain": "market"})
    found = read(body, **{HISTORY_ATTRIBUTE: "[]"})
    assert (found.codes, found.attempts) == (("UNKNOWN",), None)
    assert found.keys == ("market/prices/ds=2026-11-20/p.parquet",)
    assert found.parcel == Parcel(str(MARKET.queue), body, {HISTORY_ATTRIBUTE: "[]"})


def test_a_request_that_sqs_moved_goes_back_with_that_in_its_history() -> None:
    pair = participation_queues("any")
    first = parcel("{}", pair)
    again = parcel("{}", pair, **first.attributes)
    assert (again.queue, again.body) == (pair.queue, "{}")
    assert [(one.code, one.error) for one in history(again)] == [("UNKNOWN", "MovedBySqs")] * 2


@pytest.mark.parametrize("body", ["", "not JSON", "[]", "7", '{"key": 7}', '{"key": null}'])
def test_whatever_sqs_moved_can_be_shown_and_goes_back(body: str) -> None:
    found = read(body)
    assert (found.codes, found.keys) == (("UNKNOWN",), ())
    assert found.parcel == Parcel(str(MARKET.queue), body, {})


def test_a_letter_that_breaks_the_contract_stays() -> None:
    broken = json.loads(letter().model_dump_json()) | {"colour": "red"}
    found = read(broken)
    assert found.codes == ("UNKNOWN",)
    assert found.parcel is None


def test_a_letter_from_a_queue_of_nobody_here_stays() -> None:
    assert read(letter(source_queue="tapeline-other-market-load-queue").model_dump_json()).parcel is None


def test_a_moved_manifest_event_goes_back_to_the_manifests() -> None:
    pair = price_manifests("any")
    assert parcel({"bucket": "raw", "key": "k", "size": 1, "correlation_id": "c"}, pair).queue == pair.queue


def test_a_chunk_becomes_an_event_that_asks_for_its_symbols_and_days() -> None:
    sent = parcel(chunk_letter(batch_id="market:t_1:2013-03-01:manual__a:b"), extract_letters("any"))
    assert sent.queue == "tapeline-any-price-requests"
    event = PriceEvent.model_validate_json(sent.body)
    request = PricesRequest.model_validate(event.detail)
    assert request.force_symbols == ["AAPL", "IBM"]
    assert (str(request.start), str(request.end)) == ("2013-02-01", "2013-03-01")
    assert (request.domain, request.table_name, request.interval) == ("market", "t_1", "1d")
    assert event.detail_type == "PricesRequested"
    assert [one.code for one in history(sent)] == ["RateLimited,SymbolNotFound"]


def test_a_chunk_asked_for_twice_is_one_request_and_two_chunks_are_two() -> None:
    message, other = received(chunk_letter()), received(chunk_letter())

    def event_id(one: Any) -> str:
        found = read_letter(one, extract_letters("any"), "any").parcel
        assert found is not None
        return PriceEvent.model_validate_json(found.body).id

    assert event_id(message) == event_id(message) != event_id(other)
    assert PricesRequest(correlation_id=event_id(message))  # it is the run's correlation id


@pytest.mark.parametrize(
    "wrong", [{"symbols": []}, {"batch_id": "x"}, {"start": "soon"}, {"symbols": "AAPL"}], ids=str
)
def test_what_is_no_chunk_stays_among_the_letters_of_the_extract(wrong: dict[str, Any]) -> None:
    found = read(chunk_letter(**wrong), extract_letters("any"))
    assert found.parcel is None


def test_a_chunk_whose_task_died_has_no_number_of_attempts() -> None:
    found = read(chunk_letter(attempts=None), extract_letters("any"))
    assert found.attempts is None
    assert found.parcel is not None
