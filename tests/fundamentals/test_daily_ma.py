from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest

from devstack.replay.prices import demo_file
from include.fundamentals.daily_ma import LOOKBACK, WINDOWS, changed_ma, compute_ma

NAMES = [f"ma_{window}" for window in WINDOWS]


@pytest.fixture(scope="module")
def recorded() -> pl.DataFrame:
    """Real closes of five symbols, up to thirteen years; FB has less than a year."""
    names = {"ticker": "symbol", "Ticker": "symbol", "Date": "date", "Close": "close"}
    rows = pl.read_csv(demo_file(), try_parse_dates=True).rename(names, strict=False)
    return rows.select("symbol", "date", pl.col("close").cast(pl.Float64))


def _closes(symbol: str, closes: list[float], first: date = date(2012, 1, 2)) -> pl.DataFrame:
    days = [first + timedelta(days=n) for n in range(len(closes))]
    return pl.DataFrame({"symbol": [symbol] * len(closes), "date": days, "close": closes})


def _by_pandas(prices: pl.DataFrame) -> pd.DataFrame:
    frame = prices.to_pandas().sort_values(["symbol", "date"])
    closes = frame.groupby("symbol")["close"]
    for window in WINDOWS:
        frame[f"ma_{window}"] = closes.transform(lambda column, n=window: column.rolling(n).mean())
    return frame.reset_index(drop=True)


def _assert_like_pandas(prices: pl.DataFrame) -> None:
    found, expected = compute_ma(prices), _by_pandas(prices)
    assert found["symbol"].to_list() == expected["symbol"].to_list()
    for name in NAMES:
        ours, theirs = found[name].to_numpy(), expected[name].to_numpy()
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_averages_of_all_recorded_symbols_are_those_of_pandas(recorded: pl.DataFrame) -> None:
    assert recorded["symbol"].n_unique() == 5
    assert len(recorded) > 12_000
    _assert_like_pandas(recorded)


def test_sessions_that_are_missing_do_not_count(recorded: pl.DataFrame) -> None:
    with_gaps = recorded.filter(pl.int_range(pl.len()) % 7 != 3)
    assert len(with_gaps) < len(recorded)
    _assert_like_pandas(with_gaps)


def test_there_is_no_average_before_there_are_enough_sessions() -> None:
    found = compute_ma(_closes("A", [float(n) for n in range(1, 201)]))
    assert [found[name].null_count() for name in NAMES] == [19, 49, 99, 199]
    assert found.row(-1, named=True) | {"symbol": "A"} == {
        "symbol": "A", "date": date(2012, 1, 2) + timedelta(days=199),
        "ma_20": 190.5, "ma_50": 175.5, "ma_100": 150.5, "ma_200": 100.5,
    }  # fmt: skip


def test_a_symbol_never_looks_into_the_one_before_it() -> None:
    both = pl.concat([_closes("B", [7.0] * 30), _closes("A", [1.0] * 500)])
    found = compute_ma(both).filter(pl.col("symbol") == "B")
    assert found["ma_20"].to_list() == [None] * 19 + [7.0] * 11
    assert found["ma_50"].null_count() == 30


def test_the_order_of_the_rows_does_not_matter(recorded: pl.DataFrame) -> None:
    shuffled = recorded.sample(fraction=1, shuffle=True, seed=1)
    assert compute_ma(shuffled).equals(compute_ma(recorded))


def test_wherever_the_computation_begins_the_same_bits_come_out(recorded: pl.DataFrame) -> None:
    whole = compute_ma(recorded)
    cut = date(2010, 1, 4)
    part = compute_ma(recorded.filter(pl.col("date") >= cut)).drop_nulls("ma_200")
    assert len(part) > 2_000
    assert part.equals(whole.join(part.select("symbol", "date"), on=["symbol", "date"], how="semi"))


def test_only_what_a_changed_price_touches_is_computed_again(recorded: pl.DataFrame) -> None:
    since = date(2012, 6, 1)
    changed = pl.DataFrame({"symbol": ["IBM", "IBM"], "date": [date(2012, 9, 4), since]})
    corrected = recorded.with_columns(
        close=pl.when((pl.col("symbol") == "IBM") & (pl.col("date") == since))
        .then(pl.col("close") * 2)
        .otherwise(pl.col("close"))
    )
    needed = corrected.filter(
        (pl.col("date") >= since)
        | (pl.col("date").is_in(_sessions_before(corrected, "IBM", since, LOOKBACK).implode()))
    )
    found = changed_ma(needed, changed)
    whole = compute_ma(corrected).filter((pl.col("symbol") == "IBM") & (pl.col("date") >= since))
    assert found.equals(whole)
    before = compute_ma(recorded).join(found, on=["symbol", "date"], how="anti")
    assert before.equals(compute_ma(corrected).join(found, on=["symbol", "date"], how="anti"))


def _sessions_before(prices: pl.DataFrame, symbol: str, day: date, count: int) -> pl.Series:
    rows = prices.filter((pl.col("symbol") == symbol) & (pl.col("date") < day)).sort("date")
    return rows["date"].tail(count)


def test_rounding_does_not_grow_over_decades() -> None:
    """The price falls by ten million: running sums would keep the noise of what went before."""
    closes = [1e7 + 0.1 * (n % 3) for n in range(10_000)] + [0.001 + 1e-5 * (n % 7) for n in range(5_000)]
    found = compute_ma(_closes("A", closes, date(1970, 1, 1)))["ma_200"]
    exact = [math.fsum(closes[n - 199 : n + 1]) / 200 for n in range(14_000, 15_000)]
    np.testing.assert_allclose(found[14_000:].to_numpy(), exact, rtol=2e-15)


def test_one_value_that_is_no_number_spoils_its_windows_only() -> None:
    closes = [1.0] * 100
    closes[40] = math.nan
    found = compute_ma(_closes("A", closes))["ma_20"].to_list()
    assert all(math.isnan(value) for value in found[40:60])
    assert found[19:40] == [1.0] * 21
    assert found[60:] == [1.0] * 40


def test_a_row_without_a_close_is_left_out() -> None:
    rows = _closes("A", [1.0] * 25).with_columns(
        close=pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise("close")
    )
    found = compute_ma(rows)
    assert len(found) == 24
    assert found["ma_20"].to_list() == [None] * 19 + [1.0] * 5


@pytest.mark.parametrize("count", [0, 1, 19])
def test_few_rows_have_no_averages(count: int) -> None:
    found = compute_ma(_closes("A", [1.0] * count).cast({"symbol": pl.String, "close": pl.Float64}))
    assert len(found) == count
    assert found.select(NAMES).null_count().row(0) == (count,) * 4
    assert found.schema["ma_20"] == pl.Float64
