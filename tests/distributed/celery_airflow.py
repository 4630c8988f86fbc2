"""A full Airflow with CeleryExecutor, two workers and Redis, on the local default of the tests."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from devstack.airflow_api import AirflowApi
from devstack.databases import AIRFLOW, sqlalchemy_url
from devstack.home import REPO
from devstack.ports import free_port
from devstack.services import PYTHON, base_environment
from devstack.stack import Stack
from devstack.ui import Ui

SOON = {
    # what is minutes in production, so that a dead worker is noticed while a test waits
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "2",
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "15",
    "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "0",
    "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "240",  # a busy machine imports slowly
    "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",  # no run but ours
}


@dataclass
class CeleryAirflow:
    """The running Airflow and its workers, by name."""

    api: AirflowApi
    stack: Stack
    workers: dict[str, psutil.Popen] = field(default_factory=dict)

    def works_on(self, pid: int) -> str | None:
        """Return the name of the worker that has the process."""
        try:
            parents = {parent.pid for parent in psutil.Process(pid).parents()}
        except psutil.NoSuchProcess:
            return None
        return next((name for name, worker in self.workers.items() if worker.pid in parents), None)

    def kill(self, name: str) -> None:
        """End the worker and all that it runs, at once, as the loss of its machine does."""
        _kill_tree(self.workers[name])


def required_redis() -> str:
    """Return the path of redis-server; skip where it is absent, unless it has to be there."""
    found = shutil.which("redis-server")
    if not found and os.environ.get("TAPELINE_REQUIRE_REDIS") == "1":
        pytest.fail("redis-server is not installed (Debian: apt install redis-server)")
    if not found:
        pytest.skip("redis-server is not installed; CI sets TAPELINE_REQUIRE_REDIS=1")
    return found


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Have a Redis of our own, with a password, on loopback; give its URL."""
    port, password = free_port(), secrets.token_urlsafe(16)
    settings = f"bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ''\nappendonly no\ndir {folder}\n"
    server = subprocess.Popen(
        [required_redis(), "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        assert server.stdin
        server.stdin.write(settings.encode())  # not on the command line, where everybody reads the password
        server.stdin.close()
        for attempt in Retrying(
            retry=retry_if_exception_type(OSError), stop=stop_after_delay(30), wait=wait_fixed(0.05)
        ):
            with attempt:
                socket.create_connection(("127.0.0.1", port), timeout=2).close()
        yield f"redis://:{password}@127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


@contextmanager
def celery_airflow(
    stack: Stack, folder: Path, dags: list[Path], extra: dict[str, str]
) -> Iterator[CeleryAirflow]:
    """Have it run these DAG files alone, on a running local default."""
    (folder / "dags").mkdir()
    for file in dags:
        shutil.copy(file, folder / "dags")
    ui = Ui(stack)
    whole = ui._environment
    workers: dict[str, psutil.Popen] = {}
    with redis(folder) as broker:
        own = SOON | extra | {"AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags")}
        own |= {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor", "AIRFLOW__CELERY__BROKER_URL": broker}

        def environment() -> dict[str, str]:
            url = sqlalchemy_url(stack.home, stack.supervisor.port("postgres"), AIRFLOW)
            return whole() | own | {"AIRFLOW__CELERY__RESULT_BACKEND": f"db+{url}"}

        ui._environment = environment  # type: ignore[method-assign]
        try:
            ui.start(free_port())
            for name in ("first", "second"):
                workers[name] = _start_worker(name, folder, base_environment() | environment())
            yield CeleryAirflow(AirflowApi(ui), stack, workers)
        finally:
            for worker in workers.values():
                _kill_tree(worker)
            ui.stop()


def _start_worker(name: str, folder: Path, environment: dict[str, str]) -> psutil.Popen:
    options = ["--celery-hostname", f"{name}@%h", "--concurrency", "2", "--skip-serve-logs"]
    command = [PYTHON, "-m", "airflow", "celery", "worker", *options, "--without-mingle", "--without-gossip"]
    with (folder / f"{name}.log").open("wb") as log:
        return psutil.Popen(
            command, env=environment, cwd=REPO, stdout=log, stderr=log, start_new_session=True
        )


def _kill_tree(worker: psutil.Popen) -> None:
    """Kill a process and its descendants; the parent stands still first, lest it start another."""
    with suppress(psutil.NoSuchProcess):
        worker.suspend()
        for process in [*worker.children(recursive=True), worker]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        worker.wait()
