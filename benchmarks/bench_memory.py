"""Peak memory of one task, as the resident memory of a process that runs only its function.

Airflow's own part of a task process (about 150 MB, most of it shared with the parent that forks it) is
measured too: the line "Airflow alone". Run: `python -m benchmarks.bench_memory [repeats]`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from benchmarks.bench_whole_job import END, START
from benchmarks.harness import Aim, Result, measure, middle, to_markdown
from benchmarks.local_stack import applied, local_stack
from benchmarks.universe import symbols_of

CHUNK, LOAD = Aim("peak_mb", 512), Aim("peak_mb", 768)
MANY, MOST = 619_040, 10_000_000
MODULE = "benchmarks.bench_memory"


def run(repeat: int = 1) -> list[Result]:
    """Return the peaks; seconds are the task function's."""
    results = []
    with local_stack() as environment, applied(environment):
        results.append(_peak("Airflow alone", "airflow_alone", {}, repeat))
        for size, name in (
            (5, "6 symbols, the size for a universe of 505"),
            (200, "200 symbols, the largest"),
        ):
            results.append(_peak(f"extract_chunk, {name}", "chunk", {"chunk_size": size}, repeat, CHUNK))
        results.append(_peak("curate_days, 505 symbols × 7 days", "curate", {}, repeat, CHUNK))
        for rows in (MANY, MOST):
            table = f"bench_{uuid.uuid4().hex[:8]}"
            made = {"rows": rows, "table": table}
            measure(f"making a file of {rows:,} rows", f"{MODULE}:make_file", made, name="preparation")
            for way in ("server", "stream"):
                args = {"key": file_key(table), "way": way}
                results.append(_peak(f"load_files, {rows:,} rows, {way}", "load", args, repeat, LOAD))
    return results


def _peak(way: str, function: str, args: dict[str, Any], repeat: int, aim: Aim | None = None) -> Result:
    runs = [
        measure(way, f"{MODULE}:{function}", args, name="peak memory of a task's process")
        for _ in range(repeat)
    ]
    return replace(middle(runs), ratio=0, aim=aim)


def airflow_alone() -> None:
    """Import what every task process has imported."""
    import airflow.sdk.execution_time.task_runner  # noqa: F401

    import include.prices.tasks  # noqa: F401


def _open_run(chunk_size: int) -> list[dict[str, Any]]:
    from include.orchestration import connections
    from include.prices import start
    from include.prices.config import PricesRequest

    overrides = {"rate_limit_per_minute": 100_000, "chunk_size": chunk_size}
    asked = PricesRequest.model_validate(
        {
            "symbols": symbols_of(505), "start": START, "end": END, "override_config": overrides,
            "table_name": f"bench_{uuid.uuid4().hex[:8]}",
        }
    )  # fmt: skip
    owner = f"bench-{uuid.uuid4().hex[:8]}"
    resolved = {"request": asked.model_dump(mode="json"), "session": f"{END}", "correlation_id": owner}
    where: dict[str, Any] = {"aws": connections.aws(), "settings": connections.settings()}
    plan = start.make_plan(resolved, max_map_length=1024, **where)
    start.open_run(plan, asked, owner=owner, **where)
    return start.chunk_refs(plan, connections.raw_store())


def chunk(chunk_size: int) -> Callable[[], None]:
    """Return the first extract task of a run of 505 symbols × 1 month."""
    from benchmarks.bench_whole_job import extract

    airflow_alone()
    ref = _open_run(chunk_size)[0]
    return lambda: extract(ref, "bench")


def curate() -> Callable[[], None]:
    """Return a transform as large as a month's are: 7 days of 505 symbols."""
    from benchmarks.lake import NOW, daily_bars, fill, new_bucket
    from include.core.contracts import ManifestRef, TransformInput
    from include.core.keys import RawTable
    from include.orchestration import connections
    from include.prices.curate import curate_group, nyse_sessions

    airflow_alone()
    raw = new_bucket(os.environ["AWS_ENDPOINT_URL"])
    table = RawTable("market", "prices", "1d", "yahoo_finance")
    days = fill(raw, daily_bars(505, 7), "1d")
    nyse_sessions(days[0], days[-1])
    refs = [ManifestRef(ds=ds, manifest_key=table.manifest_key(ds)) for ds in days]
    job = TransformInput(manifest_keys=refs, domain="market", table_name="prices", raw_bucket=raw.bucket)
    curated = connections.curated_store()

    def work() -> None:
        curate_group(raw, curated, job, batch_id="bench", max_invalid_ratio=0.0, now=NOW)

    return work


def file_key(table: str) -> str:
    """Return the key of the one file of a made-up table."""
    return f"market/{table}/ds=2013-03-01/part-000.parquet"


def make_file(rows: int, table: str) -> None:
    """Write one curated file with pyarrow's default row groups, of a million rows."""
    import pyarrow.parquet as pq

    from benchmarks.warehouses import made_prices
    from include.orchestration import connections
    from include.prices.schema import SCHEMA

    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        pq.write_table(made_prices(rows).to_arrow().cast(SCHEMA), file.name, compression="zstd")
        connections.curated_store().write(file_key(table), Path(file.name).read_bytes())


def load(key: str, way: Literal["server", "stream"]) -> Callable[[], None]:
    """Return the load of one file into a new table."""
    from include.clients.warehouse.load import load_files
    from include.core.contracts import CuratedFile, CuratedFileList
    from include.orchestration import connections

    airflow_alone()
    store = connections.curated_store()
    found = store.head(key)
    assert found is not None
    file = CuratedFile(key=key, etag=found.etag, size=found.size, rows=0)
    asked = CuratedFileList(domain="market", table_name=f"bench_{uuid.uuid4().hex[:8]}", files=[file])

    def work() -> None:
        with connections.warehouse() as warehouse:
            load_files(warehouse, store, asked, correlation_id="bench", way=way)

    return work


if __name__ == "__main__":
    print(to_markdown(run(int(sys.argv[1]) if len(sys.argv) > 1 else 1)))
