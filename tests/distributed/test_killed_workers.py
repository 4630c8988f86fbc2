"""A full Airflow whose task processes are killed: its own retries bring the run to the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from devstack.airflow_api import AirflowApi
from devstack.ports import free_port
from devstack.stack import Stack
from devstack.ui import Ui
from devstack.ui_services import SCHEDULER
from tests.market import Market, applied, recorded_rows

pytestmark = pytest.mark.integration
SYMBOLS = ["AAPL", "IBM"]
START = "2013-02-20"
KILLED = {"resolve_request", "plan_chunks", "extract_chunk", "write_manifests", "curate_days", "load_files"}
"""Each instance of these is killed once; `close_run`, the teardown, has no retries."""


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AirflowApi]:
    ui = Ui(Stack(tmp_path / "home"))
    whole = Ui._environment
    quiet = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}  # no run but ours
    monkeypatch.setattr(Ui, "_environment", lambda self: whole(self) | quiet)
    try:
        ui.start(free_port())
        yield AirflowApi(ui)
    finally:
        ui.stack.down()


def kill_tasks_once(airflow: AirflowApi, run: str) -> set[tuple[str, int]]:
    """Kill each task's process of the run once, as it works, until the run ends; return (task, map index) of these."""
    scheduler = psutil.Process(airflow.ui.stack.home.records()[SCHEDULER].pid)
    killed: set[tuple[str, int]] = set()
    look_again = 0.0
    deadline = time.monotonic() + 240
    while True:
        if time.monotonic() > look_again:
            if airflow.call("GET", run)["state"] in ("success", "failed"):
                return killed
            look_again = time.monotonic() + 1
        assert time.monotonic() < deadline, airflow.tasks(run)
        for task in airflow.tasks(run):
            name = (task["task_id"], task["map_index"])
            running = task["state"] == "running" and task["pid"] is not None
            if running and task["task_id"] in KILLED and name not in killed and _kill(task["pid"], scheduler):
                killed.add(name)


def _kill(pid: int, scheduler: psutil.Process) -> bool:
    """Kill the process if it still works and is one of this Airflow's own."""
    try:
        process = psutil.Process(pid)
        if scheduler not in process.parents():
            return False
        process.kill()
    except psutil.NoSuchProcess:
        return False
    return True


@pytest.mark.timeout(400)
def test_a_run_whose_task_processes_are_all_killed_once_ends_green_by_retries(airflow: AirflowApi) -> None:
    stack = airflow.ui.stack
    with applied(stack.environment()):
        market = Market(stack)
        airflow.unpause("prices_daily")
        conf = market.conf(symbols=SYMBOLS, start=START, override_config={"chunk_size": 1})
        run = airflow.start_run("prices_daily", logical_date="2013-03-01T00:00:00Z", conf=conf)
        killed = kill_tasks_once(airflow, run)
        states = {(task["task_id"], task["map_index"]): task["state"] for task in airflow.tasks(run)}
        assert set(states.values()) == {"success"}
        tries = {(task["task_id"], task["map_index"]): task["try_number"] for task in airflow.tasks(run)}
        retried = {
            task for task in killed if tries[task] == 2
        }  # the others had just said that they were done
        assert len(retried) >= 4, (killed, tries)
        assert max(tries.values()) == 2
        assert market.rows() == recorded_rows(SYMBOLS, START)
        assert {manifest.revision for manifest in market.manifests().values()} == {1}
