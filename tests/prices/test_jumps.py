"""Jumps that look like an error of units or a split are found; no recorded price is accused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from include.prices.jumps import flag_jumps
from include.prices.schema import PRICES

DAYS = [date(2013, 2, 26), date(2013, 2, 27), date(2013, 2, 28), date(2013, 3, 1)]
MakeBars = Callable[..., pl.DataFrame]


def flags(bars: pl.DataFrame) -> list[bool]:
    rows = bars.with_columns(asked=pl.col("symbol"), ds=pl.col("timestamp").dt.date())
    return flag_jumps(rows, sorted(set(rows["ds"]))).to_list()


def scaled(
    bars: pl.DataFrame, place: int, factor: float, *, columns: list[str] | None = None
) -> pl.DataFrame:
    hit = pl.int_range(pl.len()) == place
    names = columns or PRICES
    return bars.with_columns(pl.when(hit).then(pl.col(names) * factor).otherwise(pl.col(names)))


def test_no_recorded_price_is_accused(recorded: pl.DataFrame) -> None:
    assert recorded.height == 12154
    assert sum(flags(recorded)) == 0


@pytest.mark.parametrize(
    ("factor", "share"), [(100, 0.999), (0.01, 0.999), (0.5, 0.99), (2, 0.98), (1 / 3, 0.99), (0.1, 0.99)]
)
def test_an_injected_fault_is_found_on_almost_any_recorded_day(
    recorded: pl.DataFrame, factor: float, share: float
) -> None:
    """Every fourth session of each symbol is spoilt in turn, so that the sessions before it are good."""
    found = total = 0
    for (_,), bars in recorded.group_by("symbol", maintain_order=True):
        place = pl.int_range(pl.len())
        hit = place % 4 == 3
        spoilt = bars.with_columns(pl.when(hit).then(pl.col(PRICES) * factor).otherwise(pl.col(PRICES)))
        accused = flags(spoilt)
        found += sum(accused[3::4])
        total += len(accused[3::4])
        assert sum(accused) == sum(accused[3::4])  # the good bars around it are not accused
    assert found / total >= share


def test_the_bar_after_a_bad_one_is_not_accused(make_bars: MakeBars) -> None:
    assert flags(scaled(make_bars("AAPL", *DAYS), 1, 100)) == [False, True, False, False]


def test_a_split_that_the_adjusted_close_explains_is_no_jump(make_bars: MakeBars) -> None:
    split = make_bars("AAPL", *DAYS)
    for place in (2, 3):
        split = scaled(split, place, 0.5, columns=["open", "high", "low", "close"])
    assert flags(split) == [False] * 4


def test_a_lasting_change_of_level_is_accused_once(make_bars: MakeBars) -> None:
    changed = make_bars("AAPL", *DAYS)
    for place in (1, 2, 3):
        changed = scaled(changed, place, 0.01)
    assert flags(changed)[1] is True
    assert flags(changed)[3] is False


def test_a_crash_with_the_volume_of_a_crash_is_believed(make_bars: MakeBars) -> None:
    crash = scaled(make_bars("AAPL", *DAYS, volume=[1000, 1000, 1000, 9000]), 3, 0.5)
    assert flags(crash) == [False] * 4


def test_a_bar_after_a_gap_is_compared_to_nothing(make_bars: MakeBars) -> None:
    bars = scaled(make_bars("AAPL", DAYS[0], DAYS[3]), 1, 100)
    others = make_bars("IBM", *DAYS)
    assert sum(flags(pl.concat([bars, others]))) == 0


def test_the_order_of_rows_does_not_matter(make_bars: MakeBars) -> None:
    bars = scaled(make_bars("AAPL", *DAYS), 2, 100)
    assert flags(bars.reverse()) == flags(bars)[::-1]
