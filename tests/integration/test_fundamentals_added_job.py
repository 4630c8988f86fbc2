"""A job that is added: a module, its SQL and an entry of a registry, and Airflow runs it (CONTRIBUTING, "A job")."""
# ruff: noqa: F811 - fixtures are imported by name

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.airflow_db import provide_database
from devstack.environment import airflow_environment
from devstack.home import REPO, Home
from devstack.stack import Stack
from include.fundamentals import jobs
from tests.fundamentals.workbench import (  # noqa: F401 - fixtures
    Workbench,
    bench,
    postgres,
    price_source,
)
from tests.integration.test_fundamentals import connections_of

pytestmark = pytest.mark.integration
SQL = """\
-- Grain: an exchange. Inputs: symbols. Bind: least.
SELECT exchange, count(*) AS n FROM symbols GROUP BY exchange HAVING count(*) >= %(least)s ORDER BY exchange
"""
MODULE = '''
"""Counts symbols by exchange."""

from pathlib import Path

from pydantic import BaseModel

from include.fundamentals.run import Chunk, ChunkResult


class Options(BaseModel):
    least: int = 1


def plan_chunks(run):
    return [Chunk(count=1)]


def load_chunk(run, chunk):
    sql = Path(__file__).with_name("count_exchanges.sql").read_text()
    with run.database.connection() as connection:
        rows = connection.execute(sql, {"least": run.options(Options).least}).fetchall()
        connection.execute("CREATE TABLE IF NOT EXISTS exchanges (exchange text PRIMARY KEY, n bigint)")
        for row in rows:
            connection.execute("INSERT INTO exchanges VALUES (%(exchange)s, %(n)s) ON CONFLICT DO NOTHING", row)
    return ChunkResult(symbols=1, total=len(rows), inserted=len(rows))
'''
ENTRY = """
  count_exchanges:
    schedule: weekly
    module: count_exchanges
    timeout: 5
    retries: 2
    dependencies: [load_symbols]
    environment: {least: "2"}
"""
DAG = """
from pathlib import Path

from airflow.sdk import dag

from include.fundamentals.jobs import load_registry
from include.fundamentals.pipeline import build_jobs
from include.orchestration.defaults import DEFAULT_ARGS

registry = load_registry(Path(__file__).parents[1] / "jobs.yaml")


@dag(schedule=None, default_args=DEFAULT_ARGS)
def weekly_with_one_more():
    build_jobs([job for job in registry.of("weekly") if job.name != "load_ratios"])


weekly_with_one_more()
"""
RUN = """
from datetime import date
from devstack.dagrun import run_dag

run = run_dag("weekly_with_one_more", date(2013, 3, 1), {})
print(run.state, *sorted({str(task.state) for task in run.get_task_instances()}))
"""


def run_alone(environment: dict[str, str], folder: Path) -> str:
    """Run the DAG in a process of its own, since Airflow reads once where DAGs are; return its states."""
    home = Home(folder / "home")
    home.prepare()
    assert provide_database(home.airflow)
    own = airflow_environment(home) | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"), "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "0",
        "PYTHONPATH": f"{REPO}{os.pathsep}{folder}",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=os.environ | environment | own, cwd=folder, capture_output=True,
        text=True, timeout=250, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


def test_a_module_its_sql_and_an_entry_are_a_job(stack: Stack, bench: Workbench, tmp_path: Path) -> None:
    ours = Path(jobs.__file__).with_name("jobs.yaml").read_text()
    (tmp_path / "jobs.yaml").write_text(ours.rstrip() + ENTRY)
    (tmp_path / "count_exchanges.py").write_text(MODULE)
    (tmp_path / "count_exchanges.sql").write_text(SQL)
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "weekly_with_one_more.py").write_text(DAG)

    assert run_alone(stack.environment() | connections_of(bench), tmp_path) == "success success"
    assert bench.database.query("SELECT * FROM exchanges") == [{"exchange": "NASDAQ", "n": 4}]
    measured = bench.database.query(
        "SELECT total_records FROM data_quality_metrics WHERE job_name = 'count_exchanges'"
    )
    assert measured == [{"total_records": 1}]
