"""Airflow's own operator on the local Athena: waiting in its task, deferred to a trigger, and told of a failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devstack.airflow_db import provide_database
from devstack.environment import airflow_environment
from devstack.home import REPO, Home
from devstack.stack import Stack

pytestmark = pytest.mark.integration
BUCKET = "operator-results"
DAG = """
from datetime import timedelta

from airflow.providers.amazon.aws.operators.athena import AthenaOperator
from airflow.sdk import dag


@dag(schedule=None)
def asks_athena():
    common = {"database": "default", "output_location": "s3://operator-results/out/", "sleep_time": 1}
    AthenaOperator(task_id="waits", query="SELECT 41 + 1 AS answer", **common)
    AthenaOperator(task_id="defers", query="SELECT 43 AS answer", deferrable=True, **common)
    AthenaOperator(task_id="fails", query="SELECT * FROM gone", **common)


asks_athena()
"""

RUN = """
import json
from datetime import date

from devstack.dagrun import run_dag

run = run_dag("asks_athena", date(2026, 1, 4), {})
print(json.dumps({task.task_id: str(task.state) for task in run.get_task_instances()}))
"""


def run_alone(stack: Stack, folder: Path) -> dict[str, str]:
    """Run the DAG in a process of its own, since Airflow reads once where DAGs are; return its tasks' states."""
    home = Home(folder / "home")
    home.prepare()
    assert provide_database(home.airflow)
    (folder / "dags").mkdir()
    (folder / "dags" / "asks_athena.py").write_text(DAG)
    own = airflow_environment(home) | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"), "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=os.environ | stack.environment() | own | {"PYTHONPATH": str(REPO)},
        cwd=folder, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    states: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return states


def test_the_operator_runs_waiting_and_deferred_and_fails_with_the_reason(
    stack: Stack, tmp_path: Path
) -> None:
    aws = stack.aws()
    aws.client("s3").create_bucket(Bucket=BUCKET)
    assert run_alone(stack, tmp_path) == {"waits": "success", "defers": "success", "fails": "failed"}

    athena = aws.client("athena")
    found: dict[str, dict[str, Any]] = {}
    for query_id in athena.list_query_executions()["QueryExecutionIds"]:
        one = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        found[one["Query"]] = one
    assert found["SELECT 43 AS answer"]["Status"]["State"] == "SUCCEEDED"
    rows = athena.get_query_results(QueryExecutionId=found["SELECT 41 + 1 AS answer"]["QueryExecutionId"])
    assert rows["ResultSet"]["Rows"][1]["Data"] == [{"VarCharValue": "42"}]
    reason = found["SELECT * FROM gone"]["Status"]["StateChangeReason"]
    assert reason == "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.default.gone' does not exist"
