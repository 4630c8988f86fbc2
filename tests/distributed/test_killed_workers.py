"""A full Airflow whose task processes are killed: its own retries bring the run to the end."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

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


class Airflow:
    """The REST API of a full Airflow on a local default of the test's own."""

    def __init__(self, ui: Ui) -> None:
        self.ui = ui
        self.token = ""
        login = {"username": "admin", "password": ui.password}
        self.token = self.call("POST", "/auth/token", login)["access_token"]

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.ui.url + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def start_run(self, **conf: Any) -> str:
        """Start `prices_daily` of the last recorded session as soon as Airflow has parsed it; return the run's path."""
        dag = "/api/v2/dags/prices_daily"
        deadline = time.monotonic() + 60
        while True:
            try:
                self.call("PATCH", dag, {"is_paused": False})
                break
            except urllib.error.HTTPError:
                assert time.monotonic() < deadline, "the DAG was not parsed"
                time.sleep(0.3)
        run = self.call("POST", f"{dag}/dagRuns", {"logical_date": "2013-03-01T00:00:00Z", "conf": conf})
        return f"{dag}/dagRuns/{urllib.parse.quote(run['dag_run_id'])}"

    def tasks(self, run: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", f"{run}/taskInstances?limit=200")["task_instances"]
        return found


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    ui = Ui(Stack(tmp_path / "home"))
    whole = Ui._environment
    quiet = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}  # no run but ours
    monkeypatch.setattr(Ui, "_environment", lambda self: whole(self) | quiet)
    try:
        ui.start(free_port())
        yield Airflow(ui)
    finally:
        ui.stack.down()


def kill_tasks_once(airflow: Airflow, run: str) -> set[tuple[str, int]]:
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
def test_a_run_whose_task_processes_are_all_killed_once_ends_green_by_retries(airflow: Airflow) -> None:
    stack = airflow.ui.stack
    with applied(stack.environment()):
        market = Market(stack)
        run = airflow.start_run(
            **market.conf(symbols=SYMBOLS, start=START, override_config={"chunk_size": 1})
        )
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
