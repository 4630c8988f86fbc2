"""Events that EventBridge could not deliver are redriven as their rule would have sent them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from include.core.contracts import LoadMessage, ManifestEvent, PriceEvent
from include.core.queues import QueuePair, event_letters, load_queues, price_manifests, price_requests
from include.redrive.letters import Letter, read_letter
from tests.redrive.office import received

WHY = {
    "RULE_ARN": "arn:aws:events:us-east-1:000000000000:rule/tapeline-any-market-load",
    "ERROR_CODE": "NO_PERMISSIONS",
    "ERROR_MESSAGE": "not authorized to send",
    "tapeline_history": "[]",
}
EVENT_ID = "17793124-05d4-b198-2fde-7ededc63b103"


def object_created(key: str) -> dict[str, Any]:
    return {
        "version": "0", "id": EVENT_ID, "detail-type": "Object Created", "source": "aws.s3",
        "account": "000000000000", "time": "2026-11-21T10:00:00Z", "region": "us-east-1", "resources": [],
        "detail": {"version": "0", "bucket": {"name": "lake"}, "object": {"key": key, "size": 5000, "etag": "e"}},
    }  # fmt: skip


def read(body: dict[str, Any], pair: QueuePair) -> Letter:
    return read_letter(received(body, **WHY), pair, "any")


def test_a_file_that_was_never_announced_is_announced() -> None:
    key = "market/prices/ds=2026-11-20/part-000.parquet"
    found = read(object_created(key), load_queues("any", "market"))
    assert (found.codes, found.keys) == (("UNKNOWN",), (key,))
    assert found.reason == "EventBridge could not deliver it: NO_PERMISSIONS not authorized to send"
    assert found.parcel is not None
    message = LoadMessage.model_validate_json(found.parcel.body)
    assert (message.bucket, message.key, message.file_size) == ("lake", key, 5000)
    assert (message.domain, message.correlation_id) == ("market", EVENT_ID)


def test_a_manifest_that_was_never_announced_is_announced() -> None:
    key = "market/prices/interval=1d/data_source=x/year=2026/month=11/day=20/_batch.manifest.json"
    found = read(object_created(key), price_manifests("any"))
    assert found.parcel is not None
    said = ManifestEvent.model_validate_json(found.parcel.body)
    assert said == ManifestEvent(bucket="lake", key=key, size=5000, correlation_id=EVENT_ID)


def test_a_request_that_was_never_delivered_is_delivered() -> None:
    event = object_created("x") | {
        "source": "tapeline", "detail-type": "SymbolAdded", "detail": {"symbol": "AAPL"},
    }  # fmt: skip
    found = read(event, price_requests("any"))
    assert found.parcel is not None
    said = PriceEvent.model_validate_json(found.parcel.body)
    assert (said.id, said.detail_type, said.detail) == (EVENT_ID, "SymbolAdded", {"symbol": "AAPL"})


PROCESSED = {"requestId": "req-1", "eventId": "e-1", "resultCode": "ERFOLG ü", "timestamps": {"queuedAt": 1}}


def processed(detail: Any) -> dict[str, Any]:
    return object_created("x") | {
        "source": "kr.ac.dongduk.worker", "detail-type": "ParticipationProcessed", "detail": detail,
    }  # fmt: skip


def test_a_processed_requests_event_becomes_the_record_that_the_rule_would_have_put() -> None:
    found = read(processed(PROCESSED), event_letters("any"))
    assert (found.codes, found.keys) == (("UNKNOWN",), ("req-1",))
    assert found.reason == "EventBridge could not deliver it: NO_PERMISSIONS not authorized to send"
    assert found.parcel is not None
    assert (found.parcel.queue, found.parcel.is_record) == ("tapeline-any-events", True)
    assert json.loads(found.parcel.body) == PROCESSED
    assert "\n" not in found.parcel.body


@pytest.mark.parametrize("detail", [None, "text", {}, {"requestId": 7}, [PROCESSED]], ids=str)
def test_what_would_be_a_malformed_line_stays_among_the_letters_of_events(detail: Any) -> None:
    assert read(processed(detail), event_letters("any")).parcel is None
    assert read_letter(received("{half"), event_letters("any"), "any").parcel is None


def test_what_eventbridge_said_of_the_last_time_does_not_go_along() -> None:
    found = read(object_created("market/prices/ds=2026-11-20/p.parquet"), load_queues("any", "market"))
    assert found.parcel is not None
    assert found.parcel.attributes == {"tapeline_history": "[]"}


def test_a_message_that_was_transformed_already_goes_as_it_is() -> None:
    found = read({"bucket": "lake", "key": "k"}, load_queues("any", "market"))
    assert found.parcel is not None
    assert found.parcel.body == '{"bucket": "lake", "key": "k"}'


@pytest.mark.parametrize(
    "detail", [None, [], {}, {"bucket": "b", "object": {"key": 7}}, {"bucket": {"name": "b"}, "object": []}]
)
def test_an_event_that_is_none_of_the_rules_stays(detail: Any) -> None:
    for pair in (load_queues("any", "market"), price_manifests("any")):
        assert read(object_created("x") | {"detail": detail}, pair).parcel is None
