"""The rules a RAW row must meet to be curated; each has a name that goes to the quarantine with the row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl  # noqa: TID253 - this module is imported inside tasks only

from include.prices.jumps import flag_jumps
from include.prices.schema import COLUMNS, PRICES

JUMP = "unexplained_jump"
_KEY = ("ds", "asked", "symbol", "timestamp")


def check_rows(rows: pl.DataFrame, *, interval: str, now: datetime, sessions: Sequence[date]) -> pl.DataFrame:
    """Return the rows sorted by day, symbol and time, with `reason`: null, or all broken rules joined by commas.

    `rows` has the columns of `raw_reader.ROWS`; `sessions` lists every session day the rows can be of,
    ascending. A jump is only looked for among rows that meet all other rules.
    """
    marked = rows.with_columns(
        (pl.col("timestamp") < pl.col("timestamp").shift())
        .and_(pl.col("object") == pl.col("object").shift())
        .alias("unsorted")
    ).sort(*_KEY, "object", maintain_order=True)
    marked = _mark_duplicates(marked)
    rules = {
        **_value_rules(),
        **_time_rules(interval, now),
        "unsorted": pl.col("unsorted"),
        "duplicate_key": pl.col("duplicate_key"),
    }
    reason = pl.concat_str(
        [pl.when(broken).then(pl.lit(name)) for name, broken in rules.items()],
        separator=",",
        ignore_nulls=True,
    )
    checked = marked.with_columns(pl.when(reason != "").then(reason).alias("reason"))
    return _mark_jumps(checked.drop("unsorted", "duplicate_key"), sessions)


def _value_rules() -> dict[str, pl.Expr]:
    required = [name for name in COLUMNS if name != "adjusted_close"]
    low, high = pl.col("low"), pl.col("high")
    inside = [pl.col(name).is_between(low, high) for name in ("open", "close")]
    return {
        "null_field": pl.any_horizontal(pl.col(required).is_null()),
        "adjusted_close_missing": pl.col("adjusted_close").is_null(),
        "not_finite": pl.any_horizontal(~pl.col(PRICES).is_finite()),
        "nonpositive_price": pl.any_horizontal(pl.col(PRICES) <= 0),
        "negative_volume": pl.col("volume") < 0,
        "price_out_of_range": ~pl.all_horizontal(inside),
        "wrong_symbol": pl.col("symbol") != pl.col("asked"),
    }


def _time_rules(interval: str, now: datetime) -> dict[str, pl.Expr]:
    day = pl.col("ds").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
    stamp = pl.col("timestamp")
    # an intraday bar may be of any zone's day `ds`: those lie between UTC-12 and UTC+14
    first, after = day - timedelta(hours=14), day + timedelta(hours=36)
    own_day = (stamp == day) if interval == "1d" else stamp.is_between(first, after, closed="left")
    return {
        "wrong_day": ~own_day,
        "future_time": stamp > pl.lit(now).cast(pl.Datetime("ms", "UTC")),
    }


def _mark_duplicates(rows: pl.DataFrame) -> pl.DataFrame:
    """Mark repeated bars: all but the first where they agree, every one where they do not."""
    same = pl.all_horizontal([pl.col(name).eq_missing(pl.col(name).shift()) for name in _KEY])
    marked = rows.with_columns((same & (pl.int_range(pl.len()) > 0)).alias("duplicate_key"))
    if not marked["duplicate_key"].any():
        return marked
    versions = pl.struct(COLUMNS).n_unique().over(_KEY)
    return marked.with_columns(pl.col("duplicate_key") | (versions > 1))


def _mark_jumps(checked: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    valid = checked["reason"].is_null()
    jumped = flag_jumps(checked.filter(valid), sessions)
    if not jumped.any():
        return checked
    places = valid.arg_true().filter(jumped)
    return checked.with_columns(checked["reason"].scatter(places, [JUMP] * len(places)))
