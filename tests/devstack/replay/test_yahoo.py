"""The chart API's answers, from the function itself: no network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from devstack.replay.corrupt import corrupted
from devstack.replay.faults import KINDS
from devstack.replay.prices import Prices, load_prices
from devstack.replay.yahoo import ChartError, chart

FEBRUARY = {"period1": "1359676800", "period2": "1362096000", "interval": "1d"}


@pytest.fixture(scope="module")
def prices() -> Prices:
    return load_prices()


def result_of(answer: dict[str, Any]) -> dict[str, Any]:
    return answer["chart"]["result"][0]


def test_bars_of_a_period_start_at_the_opening_and_prices_are_widened_float32(prices: Prices) -> None:
    result = result_of(chart(prices, "AAPL", FEBRUARY))
    assert len(result["timestamp"]) == 19
    assert result["timestamp"][0] == 1359729000  # 2013-02-01 09:30 in New York
    opens = result["indicators"]["quote"][0]["open"]
    assert opens[0] == float(np.float32(459.11)) != 459.11
    assert isinstance(result["indicators"]["quote"][0]["volume"][0], int)


def test_the_end_of_a_period_is_excluded(prices: Prices) -> None:
    query = {"period1": "1359729000", "period2": "1359729000"}
    with pytest.raises(ChartError, match="start date cannot be after end date"):
        chart(prices, "AAPL", query)
    query["period2"] = "1359729001"
    assert result_of(chart(prices, "AAPL", query))["timestamp"] == [1359729000]


def test_the_meta_says_who_and_where(prices: Prices) -> None:
    meta = result_of(chart(prices, "IBM", FEBRUARY))["meta"]
    expected = {
        "symbol": "IBM",
        "currency": "USD",
        "exchangeTimezoneName": "America/New_York",
        "instrumentType": "EQUITY",
        "firstTradeDate": 951921000,
        "dataGranularity": "1d",
        "timezone": "EST",
        "gmtoffset": -18000,
    }
    assert {name: meta[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("span", "bars"), [("1d", 1), ("5d", 5), ("1mo", 20), ("1y", 251), ("ytd", 41), ("max", 3270)]
)
def test_a_range_ends_with_the_last_recorded_day(prices: Prices, span: str, bars: int) -> None:
    stamps = result_of(chart(prices, "MSFT", {"range": span}))["timestamp"]
    assert (len(stamps), stamps[-1]) == (bars, prices.last_timestamp)


def test_days_between_bars_have_no_timestamps(prices: Prices) -> None:
    weekend = {"period1": "1361577600", "period2": "1361750400"}
    result = result_of(chart(prices, "AAPL", weekend))
    assert "timestamp" not in result
    assert result["indicators"] == {"quote": [{}], "adjclose": [{}]}


@pytest.mark.parametrize(
    ("symbol", "query", "status", "words"),
    [
        ("NOSUCH", {}, 404, "No data found, symbol may be delisted"),
        ("FB", {"period1": "0", "period2": "1000"}, 400, "Data doesn't exist for startDate = 0, endDate = 1000"),
        ("FB", {"interval": "2d"}, 400, "interval=2d is not supported. Valid intervals"),
        ("FB", {"interval": "5m"}, 422, "5m data not available"),
        ("FB", {"range": "7y"}, 400, "range=7y is not supported"),
        ("FB", {"period1": "soon"}, 400, "are numbers"),
    ],
)  # fmt: skip
def test_errors_have_yahoos_form(
    prices: Prices, symbol: str, query: dict[str, str], status: int, words: str
) -> None:
    with pytest.raises(ChartError) as caught:
        chart(prices, symbol, query)
    assert caught.value.status == status
    error = caught.value.body["chart"]["error"]
    assert caught.value.body["chart"]["result"] is None
    assert words in error["description"]


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("query", [FEBRUARY, {"period1": "1361577600", "period2": "1361750400"}])
def test_a_fault_of_content_can_meet_any_answer(prices: Prices, kind: str, query: dict[str, str]) -> None:
    assert "chart" in corrupted(chart(prices, "AAPL", query), kind)
