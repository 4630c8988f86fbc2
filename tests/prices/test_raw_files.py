"""RAW objects: the bytes that are written, and how corrupt ones are told apart."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import date, datetime, timezone

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.core.errors import ObjectCorrupt
from include.core.keys import FileFormat
from include.prices.raw_files import CSV_HEADER, body, encode_day, parse, split_by_day
from include.prices.schema import FRAME

DAYS = [date(2013, 2, 28), date(2013, 3, 1)]
FORMATS = [("json", False), ("json", True), ("csv", False), ("csv", True)]
MakeBars = Callable[..., pl.DataFrame]
LINE = (
    b'{"symbol":"AAPL","timestamp":"2013-03-01T00:00:00Z","open":10.0,"high":11.0,"low":9.0,"close":10.5,'
    b'"adjusted_close":10.25,"volume":1000}\n'
)


def name(file_format: str, compressed: bool) -> str:
    return f"AAPL.{file_format}{'.gz' if compressed else ''}"


def test_a_json_object_is_one_line_a_bar(make_bars: MakeBars) -> None:
    bars = make_bars("AAPL", DAYS[1])
    assert encode_day(bars, "json", compressed=False) == LINE
    assert (
        json.loads(encode_day(make_bars("AAPL", DAYS[1], adjusted_close=None), "json", False))[
            "adjusted_close"
        ]
        is None
    )


def test_a_csv_object_has_a_header(make_bars: MakeBars) -> None:
    bars = make_bars("AAPL", DAYS[1], adjusted_close=None)
    row = b"AAPL,2013-03-01T00:00:00Z,10.0,11.0,9.0,10.5,,1000\n"
    assert encode_day(bars, "csv", compressed=False) == CSV_HEADER + row


def test_compressed_bytes_are_gzip_without_a_time(make_bars: MakeBars) -> None:
    data = encode_day(make_bars("AAPL", DAYS[1]), "json", compressed=True)
    assert gzip.decompress(data) == LINE
    assert data[4:8] == bytes(4)


@pytest.mark.parametrize(("file_format", "compressed"), FORMATS)
def test_bars_survive_the_round_trip_exactly(
    recorded: pl.DataFrame, file_format: FileFormat, compressed: bool
) -> None:
    bars = recorded.filter(pl.col("symbol") == "AAPL")
    objects = list(split_by_day(bars, file_format=file_format, compressed=compressed))
    assert [ds for ds, _, _ in objects] == bars["timestamp"].dt.date().to_list()
    texts = [body(name(file_format, compressed), data, records) for _, data, records in objects]
    assert parse(texts, file_format, bars.height).equals(bars)


@settings(max_examples=100, deadline=None)
@given(prices=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=5, max_size=5))
def test_any_finite_price_survives(prices: list[float]) -> None:
    stamp = datetime(2013, 3, 1, tzinfo=timezone.utc)
    bars = pl.DataFrame([("AAPL", stamp, *prices, 1)], schema=FRAME, orient="row")
    formats: list[FileFormat] = ["json", "csv"]
    for file_format in formats:
        data = encode_day(bars, file_format, compressed=False)
        assert parse([body(name(file_format, False), data, 1)], file_format, 1).equals(bars)


def test_split_by_day_gives_what_encode_day_gives(make_bars: MakeBars) -> None:
    bars = make_bars("AAPL", *DAYS)
    whole = {ds: data for ds, data, _ in split_by_day(bars.reverse(), compressed=True)}
    assert whole == {
        DAYS[0]: encode_day(bars[:1], "json", compressed=True),
        DAYS[1]: encode_day(bars[1:], "json", compressed=True),
    }


def test_intraday_bars_belong_to_the_exchanges_day(make_bars: MakeBars) -> None:
    stamps = [
        datetime(2013, 2, 28, 23, 30, tzinfo=timezone.utc),
        datetime(2013, 3, 1, 5, 0, tzinfo=timezone.utc),
    ]
    bars = make_bars("BHP.AX", *DAYS, timestamp=stamps)
    split = list(split_by_day(bars, exchange_timezone="Australia/Sydney"))
    assert [(ds, records) for ds, _, records in split] == [(DAYS[1], 2)]


def test_daily_bars_keep_their_date_in_any_zone(make_bars: MakeBars) -> None:
    split = split_by_day(make_bars("AAPL", *DAYS), exchange_timezone="America/New_York")
    assert [ds for ds, _, _ in split] == DAYS


def test_no_bars_make_no_object(make_bars: MakeBars) -> None:
    assert list(split_by_day(make_bars("AAPL"))) == []


PACKED = gzip.compress(LINE, mtime=0)
SHAPES = [
    ("AAPL.json.gz", PACKED[:-9], "cut off"),
    ("AAPL.json.gz", LINE, "not gzip"),
    ("AAPL.json.gz", PACKED[:-6] + b"\0\0" + PACKED[-4:], "damaged"),
    ("AAPL.json.gz", PACKED + b"x", "after its end"),
    ("AAPL.json", b"", "has 0 rows, its manifest says 1"),
    ("AAPL.json", LINE * 2, "has 2 rows, its manifest says 1"),
    ("AAPL.json", b"<html></html>\n", "is not json with the columns"),
    ("AAPL.json", b"null\n", "is not json with the columns"),
    ("AAPL.json", LINE.replace(b'"volume"', b'"x":1,"volume"'), "is not json with the columns"),
    ("AAPL.json", LINE.replace(b',"volume":1000', b""), "is not json with the columns"),
    ("AAPL.json", LINE.replace(b"10.5", b'"10.5"'), "is not json with the columns"),
    ("AAPL.csv", LINE, "not the header"),
    ("AAPL.csv", CSV_HEADER + b"AAPL,2013-03-01T00:00:00Z,1,1,1,1,1\n", "is not csv with the columns"),
    ("AAPL.txt", LINE, "ends in .json"),
]


@pytest.mark.parametrize(("key", "data", "what"), SHAPES)
def test_another_shape_is_corrupt_and_says_how(key: str, data: bytes, what: str) -> None:
    with pytest.raises(ObjectCorrupt, match=what) as caught:
        body(key, data, 1)
    assert str(caught.value).startswith(key)


VALUES: list[tuple[FileFormat, bytes]] = [
    ("json", LINE.replace(b"10.5", b"true")),
    ("json", LINE.replace(b"10.5", b"{}")),
    ("json", LINE.replace(b"10.5", b"NaN")),
    ("json", LINE.replace(b"1000", b"10.5")),
    ("json", LINE.replace(b"2013-03-01T00:00:00Z", b"2013-03-01 00:00")),
    ("json", LINE.replace(b"2013-03-01", b"2013-13-01")),
    ("json", LINE[:-20] + b"\n"),
    ("csv", b"AAPL,2013-03-01T00:00:00Z,1,1,1,x,1,1\n"),
    ("csv", b"AAPL,2013-03-01T00:00:00Z,1,1,1,1,1,1.5\n"),
]


@pytest.mark.parametrize(("file_format", "text"), VALUES)
def test_a_value_of_another_type_is_corrupt(file_format: FileFormat, text: bytes) -> None:
    with pytest.raises(ObjectCorrupt):
        parse([text], file_format, 1)


def test_a_last_line_without_its_end_is_read(make_bars: MakeBars) -> None:
    assert parse([body("AAPL.json", LINE[:-1], 1)] * 2, "json", 2).height == 2
