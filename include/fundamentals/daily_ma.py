"""Simple moving averages of closing prices over 20, 50, 100 and 200 sessions; pure.

An average depends on the closes of its own window and on nothing else, to the last bit: from whatever
session the computation begins, the same rows come out, so that doing it again changes no row. Running
sums (cumulative or sliding) do not have that: their rounding depends on where they began.
"""

from __future__ import annotations

import numpy as np
import polars as pl  # noqa: TID253 - this module is imported inside tasks only

WINDOWS = (20, 50, 100, 200)
LOOKBACK = max(WINDOWS) - 1
"""Sessions before a changed price that its averages need; they change up to as many sessions after it."""


def compute_ma(prices: pl.DataFrame) -> pl.DataFrame:
    """Return symbol, date, ma_20, ma_50, ma_100, ma_200, one row a price, by symbol and date.

    `prices` has symbol, date and close, one row a symbol and session, in any order; rows without a close
    are left out. A window is so many of the symbol's own sessions: days without a row do not count. Null
    until the symbol has enough of them. NaN and Infinity reach the windows they stand in only.
    """
    ordered = prices.select("symbol", "date", "close").drop_nulls("close").sort("symbol", "date")
    sessions = _sessions_before(ordered["symbol"])
    sums = _sums(ordered["close"].cast(pl.Float64).to_numpy())
    averages = {
        f"ma_{window}": pl.Series(sums[window] / window).set(pl.Series(sessions < window - 1), None)
        for window in WINDOWS
    }
    return ordered.select("symbol", "date").with_columns(**averages)


def changed_ma(prices: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """Return the averages that may differ: those of each changed symbol from its first changed date on.

    `changed` has symbol and date, the first that is new or different. `prices` must have those symbols'
    closes from `LOOKBACK` sessions before that date; earlier ones do not matter, other symbols are ignored.
    """
    since = changed.group_by("symbol").agg(pl.col("date").min().alias("since"))
    averages = compute_ma(prices.join(since, on="symbol", how="semi"))
    wanted = averages.join(since, on="symbol").filter(pl.col("date") >= pl.col("since"))
    return wanted.drop("since").sort("symbol", "date")


def _sessions_before(symbols: pl.Series) -> np.ndarray:
    """Return for each row how many rows of its symbol come before it; rows of a symbol stand together."""
    rows = np.arange(len(symbols))
    is_first = (symbols != symbols.shift(1)).fill_null(True).to_numpy()
    return rows - np.maximum.accumulate(np.where(is_first, rows, 0))


def _sums(values: np.ndarray) -> dict[int, np.ndarray]:
    """Return by window the sum of each value and those before it.

    Sums of 2, 4, 8 … values are made of two of half the size, and a window is made of those: 200 is
    128 + 64 + 8. Eight additions deep, so the relative error is below 10 · 2⁻⁵³ whatever came before.
    Sums that would begin before the first value, or in the symbol before, are for the caller to leave out.
    """
    powers = {1: values}
    while max(powers) * 2 <= max(WINDOWS):
        size = max(powers)
        powers[size * 2] = _plus(powers[size], powers[size], size)
    return {window: _sum_of_window(powers, window) for window in WINDOWS}


def _sum_of_window(powers: dict[int, np.ndarray], window: int) -> np.ndarray:
    parts = [size for size in sorted(powers, reverse=True) if window & size]
    total, covered = powers[parts[0]], parts[0]
    for size in parts[1:]:
        total = _plus(total, powers[size], covered)
        covered += size
    return total


def _plus(newer: np.ndarray, older: np.ndarray, distance: int) -> np.ndarray:
    """Return each newer sum plus the older one that ends so many values before it."""
    total = newer.copy()
    total[distance:] += older[:-distance]
    return total
