"""A universe of many symbols made from the recorded prices: seeded, so that every machine has the same."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from devstack.replay.prices import demo_file

SEED = 505


def symbols_of(count: int) -> list[str]:
    """Return `count` symbol names: `S0000`, `S0001`, …"""
    return [f"S{n:04d}" for n in range(count)]


def write_universe(file: Path, symbols: int = 505, first_day: str = "2013-02-01") -> Path:
    """Write a Parquet file in the replay server's columns and return its path.

    Each symbol is one of the recorded ones with all its prices scaled by a factor of its own (0.2 to 5, two
    decimals kept), so quality rules hold in it as in the original. Rows before `first_day` are left out.
    """
    import numpy as np

    recorded = pl.read_csv(demo_file(), try_parse_dates=True).rename(lambda name: name.lower())
    recorded = recorded.filter(pl.col("date") >= pl.lit(first_day).str.to_date())
    sources = recorded["ticker"].unique().sort().to_list()
    factors = np.random.default_rng(SEED).uniform(0.2, 5, symbols)
    prices = ("open", "high", "low", "close")
    made = [
        recorded.filter(pl.col("ticker") == sources[n % len(sources)]).select(
            pl.lit(symbol).alias("symbol"),
            "date",
            *((pl.col(name).cast(pl.Float64) * factors[n]).round(2) for name in prices),
            (pl.col("adj close") * factors[n]).alias("adj_close"),
            "volume",
        )
        for n, symbol in enumerate(symbols_of(symbols))
    ]
    pl.concat(made).write_parquet(file)
    return file
