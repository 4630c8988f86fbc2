"""8,000 symbols within the source's rate limit: a calculation from what a chunk costs here (`pytest -s` shows it)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from devstack.replay.app import create_app
from devstack.replay.prices import load_prices
from devstack.replay.server import running
from include.core.sessions import sessions_between
from include.fundamentals.run import chunk_symbols
from tests.fundamentals.workbench import DAY, Source, Workbench

pytestmark = pytest.mark.integration
UNIVERSE = 8_000
SYMBOLS = 40
REQUESTS_A_SECOND = 5
AIRFLOW_A_TASK = 0.25
"""Seconds that a mapped task costs Airflow (measured: 247 s for 1,000)."""
LIMIT_HOURS = 6


@pytest.fixture
def many(bench: Workbench, tmp_path: Path) -> Iterator[Workbench]:
    """The bench with forty made symbols of five years."""
    days = sessions_between("XNYS", date(2008, 3, 1), DAY)
    names = [f"M{at // 26:01d}{chr(65 + at % 26)}" for at in range(SYMBOLS)]
    rows = pl.DataFrame({"symbol": names}).join(pl.DataFrame({"date": days}), how="cross")
    price = 50 + pl.int_range(pl.len()) % 17
    rows.with_columns(
        *(price.cast(pl.Float64).alias(n) for n in ("open", "high", "low", "close")), volume=1000
    ).write_csv(tmp_path / "many.csv")
    with bench.database.connection() as connection:
        connection.cursor().executemany(
            "INSERT INTO symbols (symbol, exchange) VALUES (%s, 'NYSE')", [(name,) for name in names]
        )
    prices = load_prices(tmp_path / "many.csv")
    replay = create_app(prices)
    with running(replay) as url:
        yield Workbench(bench.database, Source(url, replay, prices))


def cpu_of(work: Callable[[], object]) -> float:
    """Return the CPU seconds of this process; the replay's are in it too."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def test_a_weekly_run_of_8000_symbols_stays_below_six_hours(many: Workbench) -> None:
    many.run("load_ratios")  # imports and first connections are no cost of a symbol
    many.database.execute("TRUNCATE ratios")
    many.source.replay.kinds.clear()
    ratios = cpu_of(lambda: many.run("load_ratios")) / SYMBOLS
    history = cpu_of(lambda: many.run("load_daily_prices")) / SYMBOLS
    averages = cpu_of(lambda: many.run("build_daily_ma")) / SYMBOLS
    kinds = many.source.replay.kinds
    assert (kinds["ratios-ttm"], kinds["historical-price-eod"]) == (SYMBOLS, SYMBOLS)
    assert many.count("daily_ma") == many.count("daily_prices") == SYMBOLS * 1259

    tasks = len(chunk_symbols([f"S{at:04d}" for at in range(UNIVERSE)]))
    waiting = UNIVERSE / REQUESTS_A_SECOND
    print(
        f"\n{UNIVERSE:,} symbols in {tasks} tasks a job; {waiting / 60:.0f} min of requests at {REQUESTS_A_SECOND}/s"
    )
    total = 0.0
    for job, requests, cost in (
        ("load_symbols", 3, 0.001), ("load_ratios", UNIVERSE, ratios), ("load_daily_prices, all history", UNIVERSE, history),
        ("build_daily_ma, all history", 0, averages),
    ):  # fmt: skip
        work = UNIVERSE * cost + tasks * AIRFLOW_A_TASK
        spent = requests / REQUESTS_A_SECOND + work
        total += spent
        print(
            f"{job:32} {cost * 1000:6.1f} ms a symbol {spent / 60:6.1f} min, were nothing done at the same time"
        )
    print(f"{'all four':32} {'':19} {total / 3600:6.2f} h, allowed {LIMIT_HOURS} h")
    assert total < LIMIT_HOURS * 3600
