"""Each rule rejects what breaks it, by name, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.prices.quality import check_rows
from include.prices.schema import FRAME

DS = date(2013, 3, 1)
NOW = datetime(2013, 3, 4, tzinfo=timezone.utc)
MakeBars = Callable[..., pl.DataFrame]


def raw_rows(bars: pl.DataFrame, *, ds: date = DS, asked: str = "AAPL", place: int = 0) -> pl.DataFrame:
    return bars.with_columns(
        pl.lit(ds).alias("ds"), pl.lit(asked).alias("asked"), pl.lit(place, pl.UInt32).alias("object")
    )


def reasons(*objects: pl.DataFrame, interval: str = "1d", now: datetime = NOW) -> list[str | None]:
    rows = pl.concat(objects)
    days = sorted(set(rows["ds"]))
    return check_rows(rows, interval=interval, now=now, sessions=days)["reason"].to_list()


def test_a_good_row_has_no_reason(make_bars: MakeBars) -> None:
    assert reasons(raw_rows(make_bars("AAPL", DS))) == [None]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"open": None}, "null_field"),
        ({"volume": None}, "null_field"),
        ({"timestamp": [None]}, "null_field"),
        ({"adjusted_close": None}, "adjusted_close_missing"),
        ({"adjusted_close": float("nan")}, "not_finite"),
        ({"high": float("inf")}, "not_finite"),
        ({"low": 0.0}, "nonpositive_price"),
        ({"adjusted_close": -1.0}, "nonpositive_price"),
        ({"volume": -1}, "negative_volume"),
        ({"close": 11.5}, "price_out_of_range"),
        ({"open": 8.5}, "price_out_of_range"),
        ({"symbol": "MSFT"}, "wrong_symbol"),
        ({"timestamp": [datetime(2013, 3, 2, tzinfo=timezone.utc)]}, "wrong_day"),
        ({"timestamp": [datetime(2013, 3, 1, 14, 30, tzinfo=timezone.utc)]}, "wrong_day"),
    ],
)
def test_a_broken_rule_is_named(make_bars: MakeBars, fields: dict[str, Any], reason: str) -> None:
    assert reasons(raw_rows(make_bars("AAPL", DS, **fields))) == [reason]


def test_all_broken_rules_of_a_row_are_named(make_bars: MakeBars) -> None:
    bad = make_bars("AAPL", DS, low=-2.0, volume=-1, adjusted_close=None)
    assert reasons(raw_rows(bad)) == ["adjusted_close_missing,nonpositive_price,negative_volume"]


def test_volume_zero_and_equal_prices_are_good(make_bars: MakeBars) -> None:
    flat = dict.fromkeys(("open", "high", "low", "close", "adjusted_close"), 10.0)
    assert reasons(raw_rows(make_bars("AAPL", DS, **flat, volume=0))) == [None]


def test_a_bar_after_now_is_of_the_future(make_bars: MakeBars) -> None:
    before = datetime(2013, 2, 28, 23, tzinfo=timezone.utc)
    assert reasons(raw_rows(make_bars("AAPL", DS)), now=before) == ["future_time"]


def test_a_repeated_bar_counts_once(make_bars: MakeBars) -> None:
    assert reasons(raw_rows(make_bars("AAPL", DS, DS))) == [None, "duplicate_key"]


def test_of_bars_that_contradict_each_other_none_is_believed(make_bars: MakeBars) -> None:
    assert reasons(raw_rows(make_bars("AAPL", DS, DS, close=[10.5, 10.6]))) == ["duplicate_key"] * 2


def test_another_symbols_row_in_an_object_does_not_accuse_the_real_one(make_bars: MakeBars) -> None:
    mixed = raw_rows(make_bars("MSFT", DS, close=9.5))
    assert reasons(mixed, raw_rows(make_bars("MSFT", DS), asked="MSFT", place=1)) == ["wrong_symbol", None]


def test_intraday_bars_may_be_anywhere_in_the_exchanges_day(make_bars: MakeBars) -> None:
    stamps = [datetime(2013, 3, 1, hour, tzinfo=timezone.utc) for hour in (14, 15, 20)]
    assert reasons(raw_rows(make_bars("AAPL", DS, DS, DS, timestamp=stamps)), interval="1h") == [None] * 3
    wrong = [stamps[0] - timedelta(days=2)]
    assert reasons(raw_rows(make_bars("AAPL", DS, timestamp=wrong)), interval="1h") == ["wrong_day"]


def test_time_that_runs_backwards_in_an_object_is_rejected(make_bars: MakeBars) -> None:
    stamps = [datetime(2013, 3, 1, hour, tzinfo=timezone.utc) for hour in (15, 14, 16)]
    checked = reasons(raw_rows(make_bars("AAPL", DS, DS, DS, timestamp=stamps)), interval="1h")
    assert checked == ["unsorted", None, None]  # sorted by time: 14 came after 15


numbers = st.none() | st.floats(allow_nan=True, allow_infinity=True, width=64)


@settings(max_examples=150, deadline=None)
@given(
    prices=st.tuples(numbers, numbers, numbers, numbers, numbers),
    volume=st.none() | st.integers(-(2**62), 2**62),
)
def test_a_row_without_reason_keeps_every_promise(
    prices: tuple[float | None, ...], volume: int | None
) -> None:
    stamp = datetime(DS.year, DS.month, DS.day, tzinfo=timezone.utc)
    bars = pl.DataFrame([("AAPL", stamp, *prices, volume)], schema=FRAME, orient="row")
    good = all(p is not None and 0 < p < float("inf") for p in prices) and volume is not None and volume >= 0
    if good:
        opened, high, low, close, _ = prices
        good = low <= opened <= high and low <= close <= high  # type: ignore[operator]
    assert (reasons(raw_rows(bars)) == [None]) == good
