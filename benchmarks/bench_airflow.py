"""What Airflow costs: the whole job as a DAG run in one process, and the parsing of each DAG file.

The DAG run (`dag.test`) does the same work as `bench_whole_job:ours`, one task after another; the
difference is Airflow's. A dry run is done beforehand: it builds Airflow's in-process API.
Run: `python -m benchmarks.bench_airflow [repeats] [symbols …]`.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from dataclasses import replace

from benchmarks.bench_whole_job import DAYS, END, START
from benchmarks.harness import ROOT, Aim, Result, compare, measure, middle, to_markdown
from benchmarks.local_stack import applied, local_stack
from benchmarks.universe import symbols_of

SIZES = (5, 50, 505)
WAYS = {
    "without Airflow": "benchmarks.bench_whole_job:ours",
    "prices_daily by dag.test": "benchmarks.bench_airflow:dag_run",
}
HEAVY = (
    "pandas",
    "pyarrow",
    "polars",
    "yfinance",
    "clickhouse_connect",
    "clickhouse_driver",
    "chdb",
    "duckdb",
)


def run(repeat: int = 3, sizes: tuple[int, ...] = SIZES) -> list[Result]:
    """Return the figures of the runs and of the parsing; parsing has no limit to compare to."""
    results = []
    with local_stack(max(sizes)) as environment, applied(environment):
        for symbols in sizes:
            results += compare(
                f"Airflow's share, {symbols} symbols × 1 month",
                WAYS,
                {"symbols": symbols},
                limit="without Airflow",
                repeat=repeat,
                once=set(WAYS) if symbols > 100 else (),
            )
        for file in sorted((ROOT / "dags").glob("*.py")):
            results.append(_parsing(file.stem, repeat))
    return results


def _parsing(dag_id: str, repeat: int) -> Result:
    runs = [
        measure(f"dags/{dag_id}.py", "benchmarks.bench_airflow:parse", {"dag_id": dag_id}, name="DAG parse")
        for _ in range(repeat)
    ]
    return replace(middle(runs), ratio=0, aim=Aim("seconds", 0.5))


def dag_run(symbols: int) -> Callable[[], None]:
    """Return a run of `prices_daily` with the logical date of the last recorded session."""
    from devstack.dagrun import run_dag

    run_dag("prices_daily", END, {"dry_run": True, "symbols": ["S0000"]})
    table = f"bench_{uuid.uuid4().hex[:8]}"
    conf = {
        "symbols": symbols_of(symbols), "start": f"{START}", "end": f"{END}", "table_name": table,
        "override_config": {"rate_limit_per_minute": 100_000},
    }  # fmt: skip

    def work() -> None:
        found = run_dag("prices_daily", END, conf)
        if str(found.state) != "success":
            raise RuntimeError(f"the run ended as {found.state}")
        _check_rows(table, symbols)

    return work


def _check_rows(table: str, symbols: int) -> None:
    from include.orchestration import connections

    with connections.warehouse() as warehouse:
        rows = warehouse.query(f"SELECT count() AS rows FROM market.{table}").column("rows")[0].as_py()
    if rows != symbols * DAYS:
        raise RuntimeError(f"{rows} rows arrived, not {symbols * DAYS}")


def parse(dag_id: str) -> Callable[[], None]:
    """Return the import of one DAG file as Airflow's DAG processor does it, after `airflow.sdk` is imported."""
    import importlib.util

    import airflow.sdk  # noqa: F401 - not ours

    spec = importlib.util.spec_from_file_location(dag_id, ROOT / "dags" / f"{dag_id}.py")
    assert spec is not None
    assert spec.loader is not None
    before = set(sys.modules)
    module, loader = importlib.util.module_from_spec(spec), spec.loader

    def work() -> None:
        loader.exec_module(module)
        heavy = sorted(set(HEAVY) & (set(sys.modules) - before))
        if heavy:
            raise RuntimeError(f"parsing {dag_id} imports {', '.join(heavy)}")

    return work


if __name__ == "__main__":
    sizes = tuple(int(size) for size in sys.argv[2:]) or SIZES
    print(to_markdown(run(int(sys.argv[1]) if len(sys.argv) > 1 else 3, sizes)))
