"""Find price jumps that look like an error of units or an unadjusted split, not like a market.

A jump is suspicious where open and close both stand at a known factor of the previous close, the adjusted
close moved by the same factor (so that no corporate action explains it), and the volume is not that of
a crash or a rally. Recorded prices of 13 years give no false alarm: AAPL's fall of 52 % on 2000-09-29 came with
7.6 times the volume, its splits left the adjusted close where it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import polars as pl  # noqa: TID253 - this module is imported inside tasks only

SPLITS = (2, 3, 4, 5, 7, 10, 15, 20, 3 / 2, 4 / 3)
"""New shares for an old one; each is looked for in both directions."""
UNITS = 100
"""Cents for dollars, pence for pounds."""
SMALLEST = 0.2
"""Logarithm below which no factor is looked for (4/3 is 0.29)."""
QUIET_VOLUME = 2.5
"""A real move of split size trades more than this many times the volume of the session before."""

_COMPARED = ("open", "close", "adjusted_close", "volume")


def flag_jumps(rows: pl.DataFrame, sessions: Sequence[date]) -> pl.Series:
    """Return for each row whether it jumps, in the order of `rows`.

    `rows`: valid rows with `asked, ds, timestamp, open, close, adjusted_close, volume`, each bar once. A row
    is compared to the symbol's bar before and, if there is one, to the bar before that, no further back than
    one and two sessions: so a single bad bar does not accuse the good one after it, and the answer for
    a day depends on nothing but that day and the two sessions before.
    """
    frame = rows.select("asked", "ds", "timestamp", *_COMPARED).with_row_index("place")
    moved = frame.sort("asked", "timestamp").with_columns(
        pl.col("asked", "ds", "adjusted_close", "close", "volume").shift(back).name.suffix(f"_{back}")
        for back in (1, 2)
    )
    # a handful of rows ever move that far: the many factors are tried on those only
    far = moved.filter(_log("adjusted_close", "adjusted_close_1").abs() > SMALLEST)
    accused = far.with_columns(pl.col("^ds.*$").replace_strict(_places(sessions), default=None)).filter(
        _jumped()
    )
    place = pl.int_range(rows.height, eager=True)
    return place.is_in(accused["place"].cast(pl.Int64).to_list()).alias("jumped")


def _places(sessions: Sequence[date]) -> dict[date, int]:
    return {ds: place for place, ds in enumerate(sessions)}


def _log(price: str, before: str) -> pl.Expr:
    return (pl.col(price) / pl.col(before)).log()


def _jumped() -> pl.Expr:
    """Whether a row jumps against the bar before, and is not back where the bar before that was."""
    opened, closed = _log("open", "close_1"), _log("close", "close_1")
    adjusted = _log("adjusted_close", "adjusted_close_1")
    volume = (pl.col("volume") / pl.col("volume_1")).fill_nan(1.0)
    suspicious = pl.any_horizontal(
        [_at_factor(opened, closed, adjusted, sign * math.log(UNITS), 0.5) for sign in (1, -1)]
        + [
            _at_factor(opened, closed, adjusted, math.log(factor), min(0.1 * abs(math.log(factor)), 0.2))
            & (volume < QUIET_VOLUME * max(1.0, 1 / factor))
            for split in SPLITS
            for factor in (split, 1 / split)
        ]
    )
    returned = _near(2) & (_log("adjusted_close", "adjusted_close_2").abs() < adjusted.abs() / 2)
    return _near(1) & suspicious & ~returned.fill_null(value=False)


def _near(back: int) -> pl.Expr:
    """Whether the row `back` rows before is the symbol's own and no more than so many sessions older."""
    return (pl.col("asked") == pl.col(f"asked_{back}")) & (pl.col("ds") - pl.col(f"ds_{back}") <= back)


def _at_factor(opened: pl.Expr, closed: pl.Expr, adjusted: pl.Expr, at: float, within: float) -> pl.Expr:
    """Whether one of open and close is `within` of the factor, the other and the adjusted close nearly (logs)."""
    distance = [(opened - at).abs(), (closed - at).abs()]
    return (
        (pl.min_horizontal(distance) <= within)
        & (pl.max_horizontal(distance) <= 2 * within)
        & ((adjusted - at).abs() <= 2 * within)
    )
