"""The local default as a whole: `Stack(home).up()`, `.down()`, `.status()`, `.environment()`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devstack import airflow_db
from devstack.aws.repairs import apply_dropped
from devstack.databases import migrate_fundamentals
from devstack.deploy import deploy
from devstack.environment import airflow_environment, local_environment
from devstack.home import REPO, Home, ServiceRecord, default_home
from devstack.participation_services import NAMES as PARTICIPATION
from devstack.participation_services import participation_services
from devstack.services import (
    AWS_KEY_ID,
    PYTHON,
    REGION,
    ReplayOptions,
    Service,
    base_environment,
    http_url,
    services,
)
from devstack.supervisor import ServiceStatus, Supervisor
from devstack.templates import planned_stacks
from devstack.ui_services import ui_services
from include.clients.aws import Aws
from include.core.errors import TerminalError

ENVIRONMENT = "local"
Report = Callable[[str, str], None]
"""Called with a part of the work and its state: `starting`, `ready`, or a note for the user."""


class StackNotUp(TerminalError):
    """A service of the local default is not running."""


class AirflowDatabaseFailed(TerminalError):
    """Airflow's one-shot database could not be made."""


class Stack:
    """One local default: MiniStack, PostgreSQL, the warehouse and the replay, in one state folder."""

    def __init__(self, home: Path | str | None = None) -> None:
        self.home = Home(home or default_home())
        self.supervisor = Supervisor(self.home)

    def up(
        self,
        replay: ReplayOptions | None = None,
        report: Report = lambda *_: None,
        *,
        participation: bool = False,
    ) -> list[str]:
        """Start what does not run, deploy the templates, prepare Airflow's database; return notes.

        `participation`: ingest and a worker too; once started they are, until `down`, part of what is started.
        Doing it again changes nothing. Raises `ServiceNotStarted` with the end of the service's log;
        what runs already is left running.
        """
        with self.home.lock():
            self.home.prepare()
            wanted = services(self.home, replay)
            for service in wanted:
                report(service.name, "starting")
            with ThreadPoolExecutor(len(wanted)) as pool:
                notes = list(pool.map(self.supervisor.begin, wanted))
            with ThreadPoolExecutor(len(wanted) + 1) as pool:
                waiting = [pool.submit(self._await, service, report) for service in wanted]
                waiting.append(pool.submit(self._prepare_airflow, report))
                for each in waiting:
                    each.result()
            if participation or self._known(PARTICIPATION):
                notes += self._start_participation(report)
        return [note for note in notes if note]

    def down(self, report: Report = lambda *_: None) -> list[str]:
        """Stop everything, the UI included; return the names of what was running. Data stays."""
        with self.home.lock():
            self.home.prepare()
            return self.end_all(self._services(), report)

    def status(self) -> list[ServiceStatus]:
        """Return how each service is now; the UI's parts only where they were started."""
        self.home.prepare()
        return [self.supervisor.status(service) for service in self._services()]

    def is_up(self) -> bool:
        """Return whether every service's process runs and the templates were deployed."""
        if not self.home.path.exists():
            return False
        return bool(self.home.deployment()) and all(
            self.supervisor.is_alive(service.name) for service in services(self.home)
        )

    def environment(self) -> dict[str, str]:
        """Return the variables for commands that use this local default; raise `StackNotUp`."""
        if not self.is_up():
            raise StackNotUp(
                f"The local default in {self.home.path} is not running. Start it with `tapeline up`; "
                "`tapeline status` says what is down."
            )
        return local_environment(self.home, self.supervisor.port)

    def aws(self) -> Aws:
        """Return access to the local AWS."""
        return Aws(
            region=REGION,
            endpoint_url=http_url(self.supervisor.port("aws")),
            access_key_id=AWS_KEY_ID,
            secret_access_key=self.home.secret("aws"),
        )

    def end_all(self, parts: list[Service], report: Report) -> list[str]:
        """Stop the parts at once; return the names of those that ran. The caller holds the lock."""
        with ThreadPoolExecutor(len(parts)) as pool:
            ended = list(pool.map(lambda service: self._end(service, report), parts))
        return [service.name for service, was_running in zip(parts, ended, strict=True) if was_running]

    def _services(self) -> list[Service]:
        """Return the services, and the UI's parts where they were started."""
        optional = participation_services(self.home) + ui_services()
        return services(self.home) + [part for part in optional if self._known([part.name])]

    def _known(self, names: Iterable[str]) -> bool:
        """Return whether one of these was started and not stopped since."""
        known = self.home.records()
        return any(known.get(name, ServiceRecord()).pid for name in names)

    def _start_participation(self, report: Report) -> list[str | None]:
        wanted = participation_services(self.home, self.aws(), ENVIRONMENT)
        notes = [self.supervisor.begin(service) for service in wanted]
        for service in wanted:
            self._await(service, report)
        return notes

    def _await(self, service: Service, report: Report) -> None:
        self.supervisor.await_answer(service)
        if service.name == "aws":
            report("aws", "deploying")
            self._deploy()
        if service.name == "postgres":
            report("postgres", "migrating")
            migrate_fundamentals(self.home, self.supervisor.port("postgres"))
        report(service.name, "ready")

    def _end(self, service: Service, report: Report) -> bool:
        ended = self.supervisor.end(service)
        report(service.name, "stopped" if ended else "was not running")
        return ended

    def _deploy(self) -> None:
        aws = self.aws()
        outputs = deploy(aws, ENVIRONMENT, poll_seconds=0.2)
        for planned in planned_stacks():
            apply_dropped(aws, ENVIRONMENT, planned)
        if outputs != self.home.deployment():
            self.home.remember_deployment(outputs)

    def _prepare_airflow(self, report: Report) -> None:
        if not airflow_db.provide_database(self.home.airflow):
            report("airflow database", "migrating")
            done = subprocess.run(  # noqa: S603 - our own words
                [PYTHON, "-m", "devstack.airflow_db"],
                env={**base_environment(), **airflow_environment(self.home)},
                cwd=REPO,
                capture_output=True,
                text=True,
                check=False,
            )
            self.home.log("airflow-database").write_text(done.stdout + done.stderr)
            if done.returncode:
                tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
                raise AirflowDatabaseFailed(
                    f"Airflow's database in {self.home.airflow} was not made:\n{tail}"
                )
        report("airflow database", "ready")
