"""Real runs with the listener: what is in the log afterwards, and that nothing of it is felt by a task."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devstack.airflow_db import provide_database
from devstack.environment import airflow_environment
from devstack.home import REPO, Home
from devstack.stack import Stack
from include.clients.postgres import Postgres, PostgresAddress
from tests.status.log_database import make_database

pytestmark = pytest.mark.integration
DAG = """
from datetime import timedelta

from airflow.sdk import dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from include.orchestration.execution_log.records import report_records


@dag(schedule=None)
def tells():
    @task
    def plan():
        report_records(processed=2, source="test")
        return [1, 2]

    @task(map_index_template="{{ map_label }}", retries=1, retry_delay=timedelta(0))
    def load(n):
        context = get_current_context()
        context["map_label"] = f"chunk {n}"
        report_records(processed=n, failed=n - 1)
        if n == 2 and context["ti"].try_number == 1:
            raise ValueError("only at first")

    @task
    def skip():
        raise AirflowSkipException("nothing to do")

    @task
    def fail():
        raise ValueError("for good")

    @task
    def follow(): ...

    load.expand(n=plan())
    skip()
    fail() >> follow()


tells()
"""
STATES = {
    "plan[-1]": "success", "load[0]": "success", "load[1]": "success", "skip[-1]": "skipped", "fail[-1]": "failed",
    "follow[-1]": "upstream_failed",
}  # fmt: skip


def run_trial(address: PostgresAddress, folder: Path) -> dict[str, Any]:
    """Run the trial in a process of its own, and return what it printed."""
    home = Home(folder / "home")
    home.prepare()
    assert provide_database(home.airflow)
    (folder / "dags").mkdir()
    (folder / "dags" / "tells.py").write_text(DAG)
    connection = {
        "conn_type": "postgres", "host": address.host, "port": address.port, "schema": address.database,
        "login": address.user, "password": address.password,
    }  # fmt: skip
    own = airflow_environment(home) | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW_CONN_FUNDAMENTALS_DB": json.dumps(connection),
        "PYTHONPATH": str(REPO),
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("execution_log_trial.py"))], env=os.environ | own,
        cwd=folder, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_every_task_has_its_row_and_no_task_feels_how_the_log_is(stack: Stack, tmp_path: Path) -> None:
    """One test, since the process with Airflow in it is what costs."""
    address = make_database(stack)
    trial = run_trial(address, tmp_path)
    _check_rows(trial, address)
    for log in ("good", "missing", "down", "hanging", "raising"):
        assert trial[log]["states"] == STATES, log
    _check_warnings(trial)


def _check_rows(trial: dict[str, Any], address: PostgresAddress) -> None:
    with Postgres(address) as database:
        rows = database.query("SELECT * FROM etl_executions WHERE run_id = %s", [trial["good"]["run_id"]])
        said = database.query("SELECT level, message FROM etl_logs ORDER BY id")
    found = {
        f"{row['task_id']}[{row['map_index']}]/{row['try_number']}": (
            row["status"], row["records_processed"], row["records_failed"], row["error_message"],
        )
        for row in rows
    }  # fmt: skip
    assert found == {
        "plan[-1]/1": ("completed", 2, 0, None),
        "load[0]/1": ("completed", 1, 0, None),
        "load[1]/1": ("failed", 2, 1, "ValueError: only at first"),
        "load[1]/2": ("completed", 2, 1, None),
        "skip[-1]/1": ("skipped", 0, 0, None),
        "fail[-1]/1": ("failed", 0, 0, "ValueError: for good"),
        "follow[-1]/0": ("failed", 0, 0, "was not run: a task before it failed"),
    }
    by_task = {
        row["task_id"]: row["metadata"] for row in rows if row["try_number"] != 1 or row["map_index"] < 0
    }
    assert by_task["load"]["map_label"] == "chunk 2"
    assert by_task["plan"]["source"] == "test"
    assert by_task["plan"]["run_type"] == "manual"
    assert by_task["plan"]["host"]
    assert f"/runs/{trial['good']['run_id'].split(':')[0]}" in by_task["plan"]["log"]
    assert {"level": "error", "message": "fail failed: ValueError: for good"} in said


def _check_warnings(trial: dict[str, Any]) -> None:
    """One for the tasks; the process here is also the scheduler, whose listener is another."""
    assert trial["good"]["warnings"] == []
    assert trial["missing"]["warnings"] == []  # a deployment without a log hears nothing of it
    for log, why in (("down", "refused"), ("hanging", "timeout|no answer|timed out")):
        warnings = trial[log]["warnings"]
        assert 1 <= len(warnings) <= 2, warnings
        assert all("not written for 60 s" in each and re.search(why, each) for each in warnings), warnings
    assert any("the listener is broken" in each for each in trial["raising"]["warnings"])
