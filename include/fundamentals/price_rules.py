"""Which prices are refused beside those that the client refuses (include/clients/fmp), and why; the others are loaded.

| reason | the row |
| --- | --- |
| `future_date` | is of a day after the run's session |
| `no_session` | is of a day on which the exchange did not trade |
| `absurd_jump` | its close is more than `max_jump` times above or below the closes around it |
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl  # noqa: TID253 - imported only inside tasks

from include.core.sessions import FIRST_DAY

_NEIGHBOURS = 11
"""A close is compared with the median of so many around it, its own included."""


def judge_prices(
    prices: pl.DataFrame,
    *,
    last: date,
    sessions: Sequence[date],
    closes: Sequence[float] = (),
    max_jump: float = 50.0,
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the rows worth loading, and how many are refused for which reason.

    `prices`: one symbol's, by date. `last`: no later session can have a price. `sessions`: all days of trade that
    matter. `closes`: the newest closes that are held, oldest first; the rows' own are compared with them and with each
    other, since a factor of 100 is cents for dollars.
    """
    rules = {
        "future_date": pl.col("date") > last,
        "no_session": (pl.col("date") >= FIRST_DAY) & ~pl.col("date").is_in(list(sessions)),
    }
    reason = pl.lit(None, dtype=pl.String)
    for name, rule in reversed(rules.items()):
        reason = pl.when(rule).then(pl.lit(name)).otherwise(reason)
    judged = prices.with_columns(reason.alias("reason"))
    judged = _mark_jumps(judged, closes, max_jump)
    refused = judged.drop_nulls("reason")["reason"].value_counts().sort("reason")
    good = judged.filter(pl.col("reason").is_null()).drop("reason")
    return good, dict(refused.iter_rows())


def _mark_jumps(judged: pl.DataFrame, closes: Sequence[float], max_jump: float) -> pl.DataFrame:
    """Return the rows, those marked whose close is far from the closes around it."""
    kept = judged.filter(pl.col("reason").is_null()).select("date", "close")
    before = pl.DataFrame({"date": [None] * len(closes), "close": list(closes)}, schema=kept.schema)
    median = pl.col("close").rolling_median(_NEIGHBOURS, min_samples=1, center=True)
    around = pl.concat([before, kept]).with_columns((pl.col("close") / median).alias("jump"))
    far = (pl.col("jump") > max_jump) | (pl.col("jump") < 1 / max_jump)
    dates = around.filter(far & pl.col("date").is_not_null())["date"]
    jumped = pl.col("reason").is_null() & pl.col("date").is_in(dates.to_list())
    return judged.with_columns(
        pl.when(jumped).then(pl.lit("absurd_jump")).otherwise("reason").alias("reason")
    )
