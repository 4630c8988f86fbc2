"""Fundamentals in `make demo`: symbols, prices, averages and ratios from the replay into PostgreSQL."""

from __future__ import annotations

import os
import time
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table

from devstack.dagrun import run_dag
from devstack.demo_progress import done, quiet_run
from devstack.stack import Stack

DAY = date(2013, 3, 1)
FIRST = "2000-03-01"
WINDOWS = (20, 50, 100, 200)
RUNS: list[tuple[str, dict[str, Any], str]] = [
    ("fundamentals_weekly", {}, "symbols and ratios"),
    ("fundamentals_daily", {"start": FIRST}, f"prices since {FIRST} and moving averages"),
]
COUNTS = {
    "symbols": "updated_at::date",
    "daily_prices": "date",
    "daily_ma": "date",
    "ratios": "as_of",
}
"""The four tables, each with what is its row's day."""


def show_fundamentals(stack: Stack, console: Console) -> bool:
    """Run the weekly and the daily jobs and print what the four tables have; return whether all is right."""
    os.environ.update(stack.environment())
    states = [_run(stack, console, *run) for run in RUNS]
    from include.orchestration import connections

    with connections.fundamentals() as database:
        table = Table("table", "rows", "symbols", "first", "last", title="fundamentals", title_justify="left")
        for name, day in COUNTS.items():
            (row,) = database.query(
                f"SELECT count(*) AS n, count(DISTINCT symbol) AS symbols, min({day}) AS first, max({day}) AS last "  # noqa: S608
                f"FROM {name}"
            )
            table.add_row(name, f"{row['n']:,}", f"{row['symbols']:,}", str(row["first"]), str(row["last"]))
        console.print(table)
        prices = database.query("SELECT symbol, date, close FROM daily_prices ORDER BY symbol, date")
        averages = database.query("SELECT * FROM daily_ma ORDER BY symbol, date")
    return _show_comparison(console, prices, averages) and all(states)


def _run(stack: Stack, console: Console, dag_id: str, conf: dict[str, Any], what: str) -> bool:
    text, log, begun = f"Running {dag_id}: {what}", stack.home.log("demo"), time.monotonic()
    with quiet_run(log, text):
        run = run_dag(dag_id, DAY, conf)
    done(console, text, begun)
    if run.state != "success":
        console.print(f"[red]The run {run.run_id} ended as {run.state}; its log is {log}.[/]")
    return bool(run.state == "success")


def _show_comparison(console: Console, prices: list[dict[str, Any]], averages: list[dict[str, Any]]) -> bool:
    """Say whether the averages are those of pandas' own rolling windows over the same prices."""
    import pandas as pd

    frame = pd.DataFrame(prices)
    found = pd.DataFrame(averages)
    wrong = 0 if len(frame) == len(found) and len(frame) else max(len(frame), len(found), 1)
    closes: Any = frame.groupby("symbol")["close"] if len(frame) else None
    for window in WINDOWS if closes is not None and not wrong else ():
        expected = closes.transform(lambda values, size=window: values.rolling(size).mean())
        ours = found[f"ma_{window}"].astype(float)
        near = (ours - expected).abs() <= 1e-9 * expected.abs()
        wrong += int((~(near | (ours.isna() & expected.isna()))).sum())
    text = (
        f"All {4 * len(found):,} averages equal pandas' own."
        if not wrong
        else f"{wrong:,} averages differ from pandas' own."
    )
    console.print(f"[{'red' if wrong else 'green'}]{text}[/]")
    return not wrong
