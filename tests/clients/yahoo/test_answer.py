"""Reading chart answers, from payloads made by hand: no network."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from typing import Any

import pytest

from include.clients.yahoo.answer import parse
from include.clients.yahoo.models import Asked, BarFault, SymbolBars
from include.core.errors import MalformedAnswer, RequestRefused, SymbolNotFound, WrongAnswer

OPENING = 1361975400  # 2013-02-27 09:30 in New York
DAY = 86400
ASKED = Asked("IBM", date(2013, 2, 27), date(2013, 2, 28), "1d")


def answer(bars: int = 2, **meta: Any) -> dict[str, Any]:
    columns = {name: [200.5 + n for n in range(bars)] for name in ("open", "high", "low", "close")}
    result = {
        "meta": {
            "symbol": "IBM",
            "currency": "USD",
            "exchangeTimezoneName": "America/New_York",
            "dataGranularity": "1d",
            "firstTradeDate": -252322200,
            **meta,
        },
        "timestamp": [OPENING + n * DAY for n in range(bars)],
        "indicators": {
            "quote": [{**columns, "volume": [1000] * bars}],
            "adjclose": [{"adjclose": [180.25] * bars}],
        },
    }
    return {"chart": {"result": [result], "error": None}}


def read(content: Any, asked: Asked = ASKED) -> SymbolBars:
    return parse(json.dumps(content).encode(), asked)


def result_of(content: dict[str, Any]) -> dict[str, Any]:
    return content["chart"]["result"][0]


def midnight(day: int) -> datetime:
    return datetime(2013, 2, day, tzinfo=timezone.utc)


def test_whole_bars_have_no_fault_and_a_first_trade_date_before_1970() -> None:
    found = read(answer())
    assert found.bars["timestamp"].to_list() == [midnight(27), midnight(28)]
    assert (found.faults, found.first_trade_date) == ([], date(1962, 1, 2))


@pytest.mark.parametrize(
    ("zone", "epoch"),
    [("Asia/Seoul", 1361923200), ("Pacific/Auckland", 1361912400), ("America/Los_Angeles", 1361979000)],
)
def test_a_daily_bar_belongs_to_the_exchanges_day(zone: str, epoch: int) -> None:
    content = answer(1, exchangeTimezoneName=zone)
    result_of(content)["timestamp"] = [epoch]
    assert read(content).bars["timestamp"].to_list() == [midnight(27)]


def test_the_asked_window_covers_the_days_in_every_time_zone() -> None:
    start, end = ASKED.window
    assert datetime.fromtimestamp(start, timezone.utc) == datetime(2013, 2, 26, 10, tzinfo=timezone.utc)
    assert datetime.fromtimestamp(end, timezone.utc) == datetime(2013, 3, 1, 12, tzinfo=timezone.utc)


def test_intraday_bars_keep_their_instant() -> None:
    content = answer(dataGranularity="1h")
    result_of(content)["timestamp"] = [OPENING, OPENING + 3600]
    del result_of(content)["indicators"]["adjclose"]
    found = read(content, Asked("IBM", date(2013, 2, 27), date(2013, 2, 27), "60m"))
    assert found.bars["timestamp"].to_list()[0] == datetime(2013, 2, 27, 14, 30, tzinfo=timezone.utc)
    assert found.faults == []


def test_a_bar_outside_the_asked_days_is_left_out_and_reported() -> None:
    content = answer(3)
    result_of(content)["timestamp"][2] += 30 * DAY
    found = read(content)
    assert found.bars.height == 2
    assert [fault.kind for fault in found.faults] == ["outside_range"]


def test_a_live_bar_of_the_same_day_is_a_duplicate() -> None:
    content = answer()
    result_of(content)["timestamp"][1] = OPENING + 3600
    fault = BarFault("duplicate_timestamp", "2 bars have this timestamp", midnight(27))
    assert read(content).faults == [fault]


@pytest.mark.parametrize("missing", [None, "Infinity", float("nan"), float("inf")])
def test_one_adjusted_close_missing_is_reported_with_its_day(missing: Any) -> None:
    content = answer()
    result_of(content)["indicators"]["adjclose"][0]["adjclose"][1] = missing
    found = read(content)
    assert found.bars["adjusted_close"].to_list() == [180.25, None]
    assert [(fault.kind, fault.timestamp) for fault in found.faults] == [
        ("adjusted_close_missing", midnight(28))
    ]


def test_one_null_price_leaves_out_the_bar_and_names_the_price() -> None:
    content = answer()
    result_of(content)["indicators"]["quote"][0]["close"][0] = None
    found = read(content)
    assert found.bars.height == 1
    assert found.faults == [BarFault("prices_missing", "close is null, so the bar is left out", midnight(27))]


def test_splits_of_the_asked_days_are_kept() -> None:
    content = answer()
    split = {"date": OPENING + DAY, "numerator": 4.0, "denominator": 1.0, "splitRatio": "4:1"}
    old = {**split, "date": OPENING - 400 * DAY}
    result_of(content)["events"] = {"splits": {"1": split, "2": old}}
    assert read(content).splits == [(date(2013, 2, 28), 4.0)]


def break_meta(content: dict[str, Any]) -> None:
    result_of(content)["meta"] = None


def break_zone(content: dict[str, Any]) -> None:
    result_of(content)["meta"]["exchangeTimezoneName"] = "Mars/Olympus"


def break_currency(content: dict[str, Any]) -> None:
    result_of(content)["meta"]["currency"] = None


def break_length(content: dict[str, Any]) -> None:
    result_of(content)["indicators"]["quote"][0]["low"].pop()


def break_number(content: dict[str, Any]) -> None:
    result_of(content)["indicators"]["quote"][0]["open"][0] = "200"


def break_timestamp(content: dict[str, Any]) -> None:
    result_of(content)["timestamp"][0] = None


def break_timestamps(content: dict[str, Any]) -> None:
    del result_of(content)["timestamp"]


def break_far_future(content: dict[str, Any]) -> None:
    result_of(content)["meta"]["firstTradeDate"] = 10**18


def break_quote(content: dict[str, Any]) -> None:
    result_of(content)["indicators"]["quote"] = []


@pytest.mark.parametrize(
    "spoil",
    [
        break_meta, break_zone, break_currency, break_length, break_number, break_timestamp,
        break_timestamps, break_far_future, break_quote,
    ],
)  # fmt: skip
def test_a_broken_structure_is_malformed(spoil: Any) -> None:
    content = answer()
    spoil(content)
    with pytest.raises(MalformedAnswer, match="IBM"):
        read(content)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"chart":null}', b"\xff\xfe", b"[" * 200_000])
def test_a_body_that_is_no_chart_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswer, match="IBM"):
        parse(body, ASKED)


@pytest.mark.parametrize(("code", "error"), [("Not Found", SymbolNotFound), ("Bad Request", RequestRefused)])
def test_an_error_in_a_200_answer_is_an_error(code: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="IBM"):
        read({"chart": {"result": None, "error": {"code": code, "description": "why"}}})


@pytest.mark.parametrize(
    ("meta", "word"), [({"symbol": "MSFT"}, "symbol"), ({"dataGranularity": "1h"}, "interval")]
)
def test_an_answer_to_another_question_is_wrong(meta: dict[str, str], word: str) -> None:
    with pytest.raises(WrongAnswer, match=f"asked for {word}"):
        read(answer(**meta))
