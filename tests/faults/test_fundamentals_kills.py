"""A job killed with SIGKILL anywhere, and run again: the tables are those of an undisturbed run."""

# ruff: noqa: F811 - fixtures are imported by name

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from devstack.home import REPO
from tests.fundamentals.workbench import (  # noqa: F401 - fixtures
    DAY,
    TABLES,
    Workbench,
    bench,
    postgres,
    price_source,
)

pytestmark = pytest.mark.integration
SCRIPT = Path(__file__).parent / "killed_job.py"
ORDER = ["load_symbols", "load_daily_prices", "build_daily_ma", "load_ratios"]
SYMBOLS = ["AAPL", "IBM", "MSFT"]
ASKED: dict[str, dict[str, Any]] = {
    "load_symbols": {},
    "load_daily_prices": {"symbols": SYMBOLS, "start": "2012-03-01"},
    "build_daily_ma": {"symbols": SYMBOLS},
    "load_ratios": {"symbols": SYMBOLS},
}
KILLS = [
    ("load_symbols", "in mid-COPY", 1, 0),
    ("load_symbols", "before the commit", 1, 0),
    ("load_daily_prices", "in mid-COPY", 2, 1),
    ("load_daily_prices", "before the commit", 2, 1),
    ("load_daily_prices", "after the commit", 2, 2),
    ("build_daily_ma", "in mid-COPY", 2, 1),
    ("build_daily_ma", "before the commit", 3, 2),
    ("load_ratios", "in mid-COPY", 3, 2),
]  # job, point, of the n-th chunk, chunks that are whole then
TABLE = {
    "load_symbols": "symbols",
    "load_daily_prices": "daily_prices",
    "build_daily_ma": "daily_ma",
    "load_ratios": "ratios",
}


def kill(workbench: Workbench, job: str, point: str, calls: int) -> None:
    """Run a job with a chunk a symbol in a process of its own that kills itself."""
    spec = {
        "job": job, "point": point, "calls": calls, "asked": ASKED[job], "symbols": SYMBOLS, "day": DAY.isoformat(),
        "database": asdict(workbench.database.address), "source": workbench.source.url,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(SCRIPT), json.dumps(spec)], env=os.environ | {"PYTHONPATH": str(REPO)},
        capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]


@pytest.fixture
def undisturbed(bench: Workbench) -> dict[str, list[dict[str, Any]]]:
    """The values of every table after a run of all jobs; the tables are empty again."""
    for job in ORDER:
        bench.run(job, **ASKED[job])
    values = bench.all_values()
    assert all(values.values())
    bench.database.execute(f"TRUNCATE {', '.join(TABLES)}")
    return values


@pytest.mark.parametrize(
    ("job", "point", "calls", "whole"), KILLS, ids=[f"{job} {point} {n}" for job, point, n, _ in KILLS]
)
def test_a_killed_job_leaves_whole_chunks_and_run_again_the_same_tables(
    bench: Workbench,
    undisturbed: dict[str, list[dict[str, Any]]],
    job: str,
    point: str,
    calls: int,
    whole: int,
) -> None:
    for before in ORDER[: ORDER.index(job)]:
        bench.run(before, **ASKED[before])
    kill(bench, job, point, calls)
    left = {row["symbol"] for row in bench.values(TABLE[job])}
    assert left == set(SYMBOLS[:whole])
    assert all(row in undisturbed[TABLE[job]] for row in bench.values(TABLE[job]))
    for again in ORDER:
        bench.run(again, **ASKED[again])
    assert bench.all_values() == undisturbed


def test_every_job_run_twice_changes_no_row(bench: Workbench) -> None:
    for job in ORDER:
        bench.run(job, **ASKED[job])
    before = bench.everything()
    for force in (False, True):
        for job in ORDER:
            bench.run(job, **ASKED[job], force=force)
            assert bench.everything() == before, job


def test_two_runs_at_once_leave_what_one_leaves(
    bench: Workbench, undisturbed: dict[str, list[dict[str, Any]]]
) -> None:
    def run_all(_: int) -> None:
        for job in ORDER:
            bench.run(job, **ASKED[job])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run_all, range(2)))
    assert bench.all_values() == undisturbed
