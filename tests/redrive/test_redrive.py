"""A redrive on real queues: what is sent, what stays, and that nothing is lost on the way."""

from __future__ import annotations

import json
import logging
import re
from datetime import timedelta

import pytest

from include.clients.object_store import ObjectStore
from include.clients.queues import Message, Queue
from include.core.contracts import HISTORY_ATTRIBUTE, PriceEvent
from include.core.errors import CallRefused
from include.redrive.holding import Holding
from tests.redrive.office import NOW, Office, chunk_letter, taken

pytestmark = pytest.mark.integration


def keys_in(queue: Queue) -> list[str]:
    """Receive all that is visible, and return the keys, sorted; letters are read as letters."""
    return sorted(str(json.loads(message.body)["key"]) for message in taken(queue))


def test_a_dry_run_shows_the_letters_and_gives_them_all_back_at_once(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.put(key="market/prices/ds=2026-11-20/a.parquet")
    office.put(key="market/prices/ds=2026-11-20/b.parquet", code="E003")
    with caplog.at_level(logging.INFO):
        counts = office.redrive(dry_run=True, code="E005")
    assert counts == {"found": 2, "chosen": 1, "redriven": 0}
    assert "1 would be redriven (dry run)" in caplog.text
    assert "a.parquet" in caplog.text
    assert office.queue().depth().total == 0
    assert keys_in(office.dlq()) == [f"market/prices/ds=2026-11-20/{name}.parquet" for name in "ab"]


def test_letters_go_back_to_their_queue_with_their_history_and_the_others_stay(office: Office) -> None:
    office.put(key="a", original_body='{"key": "a"}')
    office.put(key="b", code="E003")
    assert office.redrive(code="E005") == {"found": 2, "chosen": 1, "redriven": 1}
    (message,) = taken(office.queue())
    assert message.body == '{"key": "a"}'
    (attempt,) = json.loads(message.attributes[HISTORY_ATTRIBUTE])
    assert (attempt["code"], attempt["error"], attempt["attempts"]) == ("E005", "WarehouseUnavailable", 3)
    assert keys_in(office.dlq()) == ["b"]


def test_events_that_never_reached_their_stream_are_put_into_it_and_the_others_stay(
    office: Office, raw: ObjectStore
) -> None:
    pair = office.pair("events")
    assert pair.stream
    put_into = {
        "RoleARN": "arn:aws:iam::000000000000:role/any",
        "BucketARN": f"arn:aws:s3:::{raw.bucket}",
    }
    office.aws.client("firehose").create_delivery_stream(
        DeliveryStreamName=pair.stream, ExtendedS3DestinationConfiguration=put_into
    )
    for number in range(3):
        detail = {"requestId": f"req-{number}"}
        office.dlq("events").send(
            {"id": str(number), "detail-type": "ParticipationProcessed", "detail": detail}
        )
    office.dlq("events").send("no event at all")
    assert office.redrive("events", key="req-?") == {"found": 4, "chosen": 3, "redriven": 3}
    records = b"".join(raw.read_many([one.key for one in raw.list_objects("")]))
    assert sorted(re.findall(rb"req-\d", records)) == [b"req-0", b"req-1", b"req-2"]
    assert [message.body for message in taken(office.dlq("events"))] == ["no event at all"]


def test_hundreds_of_letters_are_looked_at_once_each(office: Office) -> None:
    for number in range(230):
        office.put(key=f"k{number}", original_body=json.dumps({"key": f"k{number}"}))
    assert office.redrive() == {"found": 230, "chosen": 230, "redriven": 230}
    assert keys_in(office.queue()) == sorted(f"k{number}" for number in range(230))
    assert office.dlq().depth().total == 0


def test_a_limit_takes_the_oldest_and_the_next_run_goes_on(office: Office) -> None:
    for hours in (3, 1, 2):
        body = json.dumps({"key": f"{hours} h"})
        office.put(original_body=body, failed_at=NOW - timedelta(hours=hours))
    assert office.redrive(limit=2) == {"found": 3, "chosen": 2, "redriven": 2}
    assert keys_in(office.queue()) == ["2 h", "3 h"]
    assert office.redrive(limit=2) == {"found": 1, "chosen": 1, "redriven": 1}


def test_a_message_that_sqs_moved_goes_back_as_it_was(office: Office) -> None:
    office.dlq().send("no letter", {"tapeline_history": "[]", "other": "kept"})
    assert office.redrive(code="UNKNOWN")["redriven"] == 1
    (message,) = taken(office.queue())
    assert (message.body, message.attributes) == ("no letter", {"tapeline_history": "[]", "other": "kept"})


def test_a_chunk_of_prices_is_asked_for_as_an_event(office: Office) -> None:
    office.dlq("extract").send(chunk_letter())
    assert office.redrive("extract")["redriven"] == 1
    (message,) = taken(office.queue("price_requests"))
    assert PriceEvent.model_validate_json(message.body).detail["force_symbols"] == ["AAPL", "IBM"]
    assert office.dlq("extract").depth().total == 0


def test_an_empty_queue_is_no_failure(office: Office) -> None:
    assert office.redrive("price_manifests") == {"found": 0, "chosen": 0, "redriven": 0}


def test_where_sending_fails_every_letter_is_back_at_once(office: Office) -> None:
    for _ in range(3):
        office.put()
    client = office.aws.client("sqs")
    client.delete_queue(QueueUrl=office.queue().url)
    with pytest.raises(CallRefused):
        office.redrive()
    assert len(taken(office.dlq())) == 3


def test_a_letter_that_somebody_else_received_meanwhile_is_left_to_them(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.put(key="a")
    renew = Holding.renew

    def too_late(held: Holding, messages: list[Message]) -> list[Message]:
        held.queue.hide(messages, 0)
        assert held.queue.receive(1, visibility_seconds=60)
        return renew(held, messages)

    monkeypatch.setattr(Holding, "renew", too_late)
    assert office.redrive()["redriven"] == 0
    assert office.queue().depth().total == 0
    assert office.dlq().depth().in_flight == 1


def test_a_redrive_of_a_domains_letters_says_how_many_are_left(office: Office) -> None:
    office.put(key="a")
    office.put(key="b", code="E003")
    office.redrive(code="E005")
    found = office.aws.client("cloudwatch").get_metric_statistics(
        Namespace="Tapeline/Load",
        MetricName="DLQCount",
        Dimensions=[
            {"Name": "Environment", "Value": office.environment},
            {"Name": "Domain", "Value": "market"},
        ],
        StartTime=NOW - timedelta(days=3650),
        EndTime=NOW + timedelta(days=3650),
        Period=86_400,
        Statistics=["Maximum", "SampleCount"],
    )["Datapoints"]
    assert [(point["Maximum"], point["SampleCount"]) for point in found] == [(1.0, 1.0)]
