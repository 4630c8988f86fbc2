"""Prices to write, and what a table holds."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from include.clients.postgres import Postgres


def prices(
    symbols: int = 2, days: int = 3, first: date = date(2013, 2, 27), factor: float = 1.0
) -> pl.DataFrame:
    """Return a price for each symbol and day; each value is another."""
    rows = [
        (f"S{symbol}", first + timedelta(days=day), factor * (100 * (symbol + 1) + day))
        for symbol in range(symbols)
        for day in range(days)
    ]
    frame = pl.DataFrame(rows, {"symbol": pl.String, "date": pl.Date, "close": pl.Float64}, orient="row")
    return frame.with_columns(
        open=pl.col("close") - 0.25, high=pl.col("close") + 0.5, low=pl.col("close") - 0.5,
        volume=(pl.col("close") * 1000).cast(pl.Int64),
    )  # fmt: skip


def checksum(database: Postgres, table: str) -> tuple[int, str | None]:
    """Return how many rows a table has, and a checksum of all their values, `updated_at` too."""
    (row,) = database.query(
        f"SELECT count(*) AS rows, md5(string_agg(t::text, '|' ORDER BY t::text)) AS sum FROM {table} t"
    )
    return row["rows"], row["sum"]
