"""Starts one service and waits until it answers; says why where it does not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from devstack import processes
from devstack.home import Home, ServiceRecord
from devstack.ports import free_port, is_free
from devstack.services import PYTHON, Service, base_environment
from include.core.errors import TerminalError

State = Literal["running", "not answering", "died", "stopped"]
_ATTEMPTS = 3
"""Starts of one service where somebody takes its port between our look and its bind."""


class ServiceNotStarted(TerminalError):
    """A service of the local default ended or did not answer; the message has the end of its log."""


@dataclass(frozen=True)
class ServiceStatus:
    """One line of `tapeline status`."""

    service: str
    state: State
    address: str
    pid: int
    data: str
    log: str


class Supervisor:
    """Knows the services of one state folder by what is remembered there."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def mark(self, service: str) -> str:
        """Return the mark that every process of the service carries."""
        return f"{self.home.path}:{service}"

    def begin(self, service: Service) -> str | None:
        """Start the service unless it runs as asked; return a note for the user where something changed."""
        record = self._record(service.name)
        note = None
        if processes.is_alive(record.pid, record.started):
            if record.command == service.arguments(record.port) and service.answers(record.port):
                return None
            note = f"{service.name} ran differently or did not answer, so it is started again"
        self.end(service)  # also what a killed service left behind
        if service.listens and record.port and not is_free(record.port):
            note = f"port {record.port} of {service.name} is taken by another program, so it moves"
            record.port = 0
        self._start(service, record)
        return note

    def await_answer(self, service: Service) -> None:
        """Return once the service answers; raise `ServiceNotStarted` where it ends or stays silent."""
        for _ in range(_ATTEMPTS):
            record = self._record(service.name)
            if self._answers_in_time(service, record):
                return
            ended = not processes.is_alive(record.pid, record.started)
            if not ended or not service.listens or is_free(record.port):
                break
            record.port = 0  # somebody was faster on this port
            self._start(service, record)
        what = "ended" if ended else f"did not answer within {service.start_seconds:.0f} s"
        self.end(service)
        raise ServiceNotStarted(
            f"{service.name} {what}. The end of its log {self.home.log(service.name)}:\n"
            f"{self._log_tail(service.name)}"
        )

    def end(self, service: Service) -> bool:
        """Stop the service and all it started; return whether there was anything to stop."""
        record = self._record(service.name)
        was_there = processes.is_alive(record.pid, record.started)
        processes.stop(record.pid, record.started, self.mark(service.name), first=service.stop_signal)
        if record.pid:
            self.home.remember(service.name, ServiceRecord(port=record.port))
        return was_there

    def status(self, service: Service) -> ServiceStatus:
        """Return how the service is now."""
        record = self._record(service.name)
        state: State = "stopped"
        if processes.is_alive(record.pid, record.started):
            state = "running" if service.answers(record.port) else "not answering"
        elif record.pid:
            state = "died"
        return ServiceStatus(
            service=service.name,
            state=state,
            address=service.address(record.port) if record.port else "",
            pid=record.pid if state in ("running", "not answering") else 0,
            data=str(service.data or ""),
            log=str(self.home.log(service.name)),
        )

    def is_alive(self, name: str) -> bool:
        """Return whether the service's process runs, without asking the service."""
        record = self._record(name)
        return processes.is_alive(record.pid, record.started)

    def port(self, name: str) -> int:
        """Return the service's port; 0 where none was chosen yet."""
        return self._record(name).port

    def _record(self, name: str) -> ServiceRecord:
        return self.home.records().get(name, ServiceRecord())

    def _start(self, service: Service, record: ServiceRecord) -> None:
        if service.listens and not record.port:
            taken = {known.port for known in self.home.records().values()}
            record.port = free_port(avoid=taken)
        if service.data:
            service.data.parent.mkdir(parents=True, exist_ok=True)
        arguments = service.arguments(record.port)
        record.pid, record.started = processes.start(
            [PYTHON, *arguments],
            log=self.home.log(service.name),
            environment={**base_environment(), **service.environment},
            mark=self.mark(service.name),
            folder=self.home.path,
        )
        record.command = arguments
        self.home.remember(service.name, record)

    def _answers_in_time(self, service: Service, record: ServiceRecord) -> bool:
        deadline = time.monotonic() + service.start_seconds
        while time.monotonic() < deadline:
            if service.answers(record.port):
                return processes.is_alive(record.pid, record.started)
            if not processes.is_alive(record.pid, record.started):
                return False
            time.sleep(0.05)
        return False

    def _log_tail(self, name: str, lines: int = 15) -> str:
        try:
            text = self.home.log(name).read_text(errors="replace")
        except FileNotFoundError:
            return "  (empty)"
        return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (empty)"
