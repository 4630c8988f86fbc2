"""The full Airflow on the local default: four processes of ours, the metadata in the local PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from devstack.airflow_db import contents_key
from devstack.databases import AIRFLOW, ensure_database, sqlalchemy_url
from devstack.home import REPO, ServiceRecord
from devstack.ports import free_port, is_free
from devstack.services import PYTHON, Service, base_environment, http_url
from devstack.stack import AirflowDatabaseFailed, Report, Stack
from devstack.ui_services import API, HEALTH, NAMES, ui_services
from include.core.errors import TransientError

PARALLELISM = 8
"""Tasks at once; more does not help on one small machine (docs/benchmarks.md)."""


class AirflowNotHealthy(TransientError):
    """The parts of Airflow run, but one does not report itself healthy."""


class Ui:
    """Airflow with its UI, on one local default."""

    def __init__(self, stack: Stack | None = None) -> None:
        self.stack = stack or Stack()
        self._started_stack = False

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://localhost:{self.stack.supervisor.port(API)}"

    @property
    def password(self) -> str:
        """The password of the user `admin`, generated for this state folder."""
        return self.stack.home.secret("admin")

    def start(self, port: int, report: Report = lambda *_: None) -> list[str]:
        """Start the local default and Airflow, and return notes once all parts are healthy."""
        self._started_stack = not self.stack.is_up()
        notes = self.stack.up(report=report)
        with self.stack.home.lock():
            notes += self._choose_port(port)
            environment = self._environment()
            self._migrate(environment, report)
            parts = ui_services(environment)
            found = [self.stack.supervisor.begin(part) for part in parts]
            with ThreadPoolExecutor(len(parts)) as pool:
                for each in [pool.submit(self._await, part, report) for part in parts]:
                    each.result()
            self._await_health()
        return notes + [note for note in found if note]

    def run(self, port: int, announce: Callable[[list[str]], None], report: Report) -> str | None:
        """Start, then block until Ctrl-C, SIGTERM or a closed terminal (None), or until a part ends (its name).

        Nothing that was started here is left when it returns or raises.
        """
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        try:
            announce(self.start(port, report))
            while all(self.stack.supervisor.is_alive(name) for name in NAMES):
                time.sleep(1)
            return next(name for name in NAMES if not self.stack.supervisor.is_alive(name))
        except KeyboardInterrupt:
            return None
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # an impatient second Ctrl-C must not leave half of it
            self.stop(report)

    def stop(self, report: Report = lambda *_: None) -> None:
        """Stop Airflow, and the local default too where `start` had to start it."""
        if self._started_stack:
            self.stack.down(report)
            return
        with self.stack.home.lock():
            self.stack.end_all(ui_services(), report)

    def _choose_port(self, wanted: int) -> list[str]:
        """Give the UI the wanted port, or another where it is taken."""
        home, supervisor = self.stack.home, self.stack.supervisor
        if supervisor.is_alive(API):
            return []
        taken = {record.port for record in home.records().values()}
        port = wanted if is_free(wanted) else free_port(avoid=taken)
        home.remember(API, ServiceRecord(port=port))
        return [] if port == wanted else [f"port {wanted} is taken by another program; the UI is on {port}"]

    def _environment(self) -> dict[str, str]:
        home, port = self.stack.home, self.stack.supervisor.port
        folder = home.path / "ui"
        folder.mkdir(exist_ok=True)
        passwords = folder / "passwords.json"
        draft = passwords.with_suffix(".tmp")
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"admin": self.password}, file)
        draft.replace(passwords)
        return {
            **self.stack.environment(),
            "PYTHONPATH": f"{REPO}:{REPO / 'config'}",
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sqlalchemy_url(home, port("postgres"), AIRFLOW),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": sqlalchemy_url(
                home, port("postgres"), AIRFLOW, "asyncpg"
            ),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": str(PARALLELISM),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{http_url(port(API))}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port(API)),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "20",
        }

    def _migrate(self, environment: dict[str, str], report: Report) -> None:
        """Make the metadata database, once for every version of Airflow."""
        home = self.stack.home
        marker = home.path / "ui" / "migrated"
        if marker.exists() and marker.read_text() == contents_key():
            return
        report("airflow metadata", "migrating")
        ensure_database(home, self.stack.supervisor.port("postgres"), AIRFLOW)
        with home.log("ui-migration").open("w") as log:
            done = subprocess.run(  # noqa: S603 - our own words
                [PYTHON, "-m", "devstack.airflow_db"],
                env={**base_environment(), **environment},
                cwd=REPO,
                stdout=log,
                stderr=log,
                check=False,
            )
        if done.returncode:
            raise AirflowDatabaseFailed(f"Airflow's database was not made; see {home.log('ui-migration')}")
        marker.write_text(contents_key())
        report("airflow metadata", "ready")

    def _await(self, part: Service, report: Report) -> None:
        report(part.name, "starting")
        self.stack.supervisor.await_answer(part)
        report(part.name, "ready")

    def _await_health(self, seconds: float = 60) -> None:
        """Wait for the first heartbeat of every part."""
        deadline = time.monotonic() + seconds
        while sick := self._sick():
            if time.monotonic() > deadline:
                raise AirflowNotHealthy(
                    f"Airflow at {self.url}: {', '.join(sick)} not healthy after {seconds:.0f} s. "
                    f"The logs are in {self.stack.home.logs}."
                )
            time.sleep(0.3)

    def _sick(self) -> list[str]:
        url = f"{http_url(self.stack.supervisor.port(API))}{HEALTH}"
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(url, timeout=5) as answer:
                health = json.load(answer)
        except (OSError, ValueError):
            return ["api-server"]
        return [part for part, state in health.items() if state and state.get("status") != "healthy"]
