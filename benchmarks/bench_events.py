"""From a file's arrival in the curated bucket to its rows in the warehouse, under a running Airflow.

Scheduler, triggerer, API server and DAG processor run on a local default of the benchmark's own. A file's
time is from before its PUT until a reader's query finds all its rows. One file at a time, each after the
run of the one before has ended, then a burst.
Run: `python -m benchmarks --only events`.
"""

from __future__ import annotations

import io
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import Aim, Result
from benchmarks.local_stack import applied
from devstack.airflow_api import AirflowApi
from devstack.ports import free_port
from devstack.question import ask
from devstack.stack import Stack
from devstack.ui import Ui
from include.core.errors import SchemaMismatch, StatementFailed

DOMAIN = "customer"
BURST = 200
SINGLES = 10
ROWS = 200
"""Rows a file: some kilobytes, above the rule's 1,024 bytes."""
PATIENCE = 300.0
"""Seconds until a file that does not arrive fails the benchmark."""


class FilesMissing(RuntimeError):
    """Files that were put are not in the warehouse in time."""


def run(repeat: int = 1, singles: int = SINGLES, burst: int = BURST) -> list[Result]:
    """Return p50 and p95 of single files and of a burst; `repeat` bursts, `repeat` × `singles` files alone."""
    with running_airflow() as lake:
        lake.put_and_wait(1)  # the table is made, Airflow has run once
        alone: list[float] = []
        together: list[float] = []
        for _ in range(repeat * singles):
            lake.await_idle()
            alone += lake.put_and_wait(1)
        for _ in range(repeat):
            lake.await_idle()
            together += lake.put_and_wait(burst)
    title = "S3 put → visible row"
    return [
        *_percentiles(title, "one file", alone, aim=15),
        *_percentiles(title, f"one of a burst of {burst}", together, aim=60),
    ]


class Lake:
    """The curated bucket and the warehouse of a local default whose Airflow runs."""

    def __init__(self, stack: Stack, airflow: AirflowApi) -> None:
        self._stack = stack
        self._airflow = airflow
        self._bucket = stack.home.deployment()["CuratedBucket"]
        self._table = f"bench_{uuid.uuid4().hex[:8]}"

    def await_idle(self) -> None:
        """Wait until no run is left: one that lingers would take the next file at once."""
        while any(run["state"] in ("queued", "running") for run in self._airflow.runs(f"load_{DOMAIN}")):
            time.sleep(0.2)
        time.sleep(1)  # the watcher's next look finds nothing

    def put_and_wait(self, files: int) -> list[float]:
        """Put files at once; return each one's seconds until its rows are visible."""
        store = self._stack.aws().object_store(self._bucket)
        began: dict[str, float] = {}
        for _ in range(files):
            name = uuid.uuid4().hex
            began[name] = time.monotonic()
            store.write(f"{DOMAIN}/{self._table}/ds=2026-01-02/{name}.parquet", parquet(name))
        seconds: dict[str, float] = {}
        deadline = time.monotonic() + PATIENCE
        while len(seconds) < files:
            now = time.monotonic()
            for name in self._visible() & set(began) - set(seconds):
                seconds[name] = now - began[name]
            if now > deadline:
                raise FilesMissing(f"{files - len(seconds)} of {files} files are not in the warehouse")
            time.sleep(0.1)
        return list(seconds.values())

    def _visible(self) -> set[str]:
        """Return the files all of whose rows a reader sees."""
        table = f"{DOMAIN}.{self._table}"
        try:
            found = ask(f"SELECT file FROM {table} GROUP BY file HAVING count() = {ROWS}")
        except (SchemaMismatch, StatementFailed):  # the first file makes the table
            return set()
        return set(found.column("file").to_pylist())


@contextmanager
def running_airflow() -> Iterator[Lake]:
    """Start a local default with a full Airflow whose `load_customer` is on; yield its lake."""
    with tempfile.TemporaryDirectory(prefix="benchmark-events-", ignore_cleanup_errors=True) as folder:
        ui = Ui(Stack(Path(folder) / "home"))
        try:
            ui.start(free_port())
            airflow = AirflowApi(ui)
            airflow.unpause(f"load_{DOMAIN}")
            with applied(ui.stack.environment()):
                yield Lake(ui.stack, airflow)
        finally:
            ui.stack.down()


def parquet(name: str) -> bytes:
    """Return a small file with a column `file` that says which it is."""
    import polars as pl

    buffer = io.BytesIO()
    pl.DataFrame(
        {"file": [name] * ROWS, "visit": range(ROWS), "spent": [1.5 * n for n in range(ROWS)]}
    ).write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _percentiles(title: str, what: str, seconds: list[float], aim: float) -> list[Result]:
    ordered = sorted(seconds)
    return [
        Result(
            name=f"{title}, {len(ordered)} × {what}",
            way=f"p{share}",
            seconds=ordered[max(0, -(-len(ordered) * share // 100) - 1)],
            cpu_seconds=0,
            peak_mb=0,
            ratio=0,
            fastest=ordered[0],
            slowest=ordered[-1],
            aim=Aim("seconds", aim) if share == 95 else None,
        )
        for share in (50, 95)
    ]
