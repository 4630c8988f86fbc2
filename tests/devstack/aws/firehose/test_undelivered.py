"""Records that S3 does not take: how long they are kept, and how that is seen."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudwatch, firehose

from devstack.aws.firehose import delivery, store
from devstack.aws.firehose.delivery import Deliveries
from devstack.aws.firehose.store import StreamKey

KEY = StreamKey("000000000000", "us-east-1", "stream")
START = 1_704_290_000.0
AGE = (store.NAMESPACE, store.FRESHNESS, f"DeliveryStreamName={KEY.name}")


class Clock:
    """The time that deliveries see."""

    now = START

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """MiniStack's memory in this process with one stream, whose bucket is not there, and the time."""
    for module, name in ((cloudwatch, "_metrics"), (firehose, "_streams")):
        monkeypatch.setattr(module, name, AccountRegionScopedDict())
    config = {"BucketARN": "arn:aws:s3:::no-such-bucket", "BufferingHints": {"IntervalInSeconds": 60}}
    stream = {
        "name": KEY.name, "version": 1, "type": "DirectPut",
        "destinations": [{"type": "ExtendedS3", "config": config}],
    }  # fmt: skip
    firehose._streams.set_scoped(*KEY, stream)
    clock = Clock()
    monkeypatch.setattr(delivery, "time", clock)
    return clock


def put(deliveries: Deliveries, *records: bytes) -> None:
    to = store.destination(KEY)
    assert to
    deliveries.put(KEY, to, records)


def waiting(folder: Path) -> int:
    return len(list(folder.glob("*/*/*/*")))


def test_records_are_kept_for_a_day_and_then_dropped_with_their_number(
    clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deliveries = Deliveries(tmp_path)
    put(deliveries, b"a", b"b")
    clock.now += 86_399
    assert asyncio.run(deliveries.flush()) == 0
    assert waiting(tmp_path) == 1
    clock.now += 2
    with caplog.at_level(logging.WARNING, "devstack.aws"):
        assert asyncio.run(deliveries.flush()) == 0
    assert waiting(tmp_path) == 0
    assert "drops 2 records" in caplog.text


def test_what_a_deleted_stream_left_is_kept_for_a_day_too(clock: Clock, tmp_path: Path) -> None:
    deliveries = Deliveries(tmp_path)
    put(deliveries, b"a")
    firehose._streams.clear()
    again = Deliveries(tmp_path)
    asyncio.run(again.flush())
    assert waiting(tmp_path) == 1
    clock.now += 86_401
    asyncio.run(again.flush())
    assert waiting(tmp_path) == 0


def test_the_age_of_the_oldest_record_is_published_once_a_minute(clock: Clock, tmp_path: Path) -> None:
    deliveries = Deliveries(tmp_path)
    put(deliveries, b"a")
    for seconds in (90, 30, 31):
        clock.now += seconds
        asyncio.run(deliveries.flush())
    points = cloudwatch._metrics.get_scoped(*KEY[:2], AGE)
    assert [point["Value"] for point in points] == [90, 151]


def test_a_metric_that_cannot_be_published_stops_no_delivery(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries = Deliveries(tmp_path)
    put(deliveries, b"a")
    monkeypatch.delattr(cloudwatch, "record_metric")
    assert asyncio.run(deliveries.flush()) == 0
    assert waiting(tmp_path) == 1


@pytest.mark.parametrize("name", ["../stream", "..", "a/b", "", "x" * 65])
def test_a_name_that_aws_does_not_have_makes_no_folder(tmp_path: Path, clock: Clock, name: str) -> None:
    to = store.destination(KEY)
    assert to
    with pytest.raises(ValueError, match="no delivery stream"):
        Deliveries(tmp_path / "firehose").put(KEY._replace(name=name), to, [b"a"])
    assert not list(tmp_path.rglob("*"))
