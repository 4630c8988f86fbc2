"""Ingest and workers of a simulation: processes of their own, ended with it, and what their logs say."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import psutil

from devstack.home import REPO
from devstack.participation_faults import SimulationFailed
from devstack.services import base_environment, http_answers
from include.clients.aws import Aws
from include.core.contracts.participation import PROCESSED

START_SECONDS = 90
_WORKS = re.compile(r" worker on ")
_WARNED = re.compile(rf"The event {PROCESSED} of (req-[0-9a-f]+) .* was not published")


class Parts:
    """The processes; leaving the block ends those that still run."""

    def __init__(self, variables: Mapping[str, str], logs: Path) -> None:
        """`variables`: of every part's environment; `logs`: folder of their logs."""
        self.workers: list[subprocess.Popen[bytes]] = []
        self._started: list[tuple[subprocess.Popen[bytes], Path]] = []
        self._variables = variables
        self._logs = logs

    def __enter__(self) -> Parts:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what runs: asked first, killed after a while."""
        self.end()

    def start_ingest(self, port: int) -> None:
        """Start the API and return once it answers."""
        process, log = self._start("ingest")
        self._await(process, log, lambda: http_answers("/health")(port))

    def start_worker(self, *, wait: bool = True) -> None:
        """Start a worker; return once it takes messages, or at once."""
        process, log = self._start("worker")
        self.workers.append(process)
        if wait:
            self._await(process, log, lambda: bool(_WORKS.search(log.read_text(errors="replace"))))

    def kill_worker(self) -> None:
        """Kill the oldest worker and start another."""
        self.workers.pop(0).kill()
        self.start_worker(wait=False)

    def end(self) -> None:
        """End all parts; a worker finishes what it holds."""
        for process, _ in self._started:
            process.send_signal(signal.SIGTERM)
        processes = [psutil.Process(process.pid) for process, _ in self._started if process.poll() is None]
        for late in psutil.wait_procs(processes, timeout=30)[1]:
            late.kill()
        for process, _ in self._started:
            process.wait()

    def warnings(self) -> list[str]:
        """Return the id of the request of each warning that an event was not published."""
        texts = (log.read_text(errors="replace") for _, log in self._started)
        return [name for text in texts for name in _WARNED.findall(text)]

    def _start(self, name: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = self._logs / f"{name}-{len(self._started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "include.participation", name],
                env={**base_environment(), **self._variables}, cwd=REPO, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output,
            )  # fmt: skip
        self._started.append((process, log))
        return process, log

    @staticmethod
    def _await(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
                raise SimulationFailed(f"A part of the service did not come up:\n{tail}")
            time.sleep(0.05)


def variables_of(aws: Aws, environment: str, requests_table: str) -> dict[str, str]:
    """Return what every part is told of where it is."""
    given = {
        "AWS_ENDPOINT_URL": aws.endpoint_url, "AWS_REGION": aws.region, "AWS_ACCESS_KEY_ID": aws.access_key_id,
        "AWS_SECRET_ACCESS_KEY": aws.secret_access_key, "PARTICIPATION_ENVIRONMENT": environment,
        "PARTICIPATION_REQUESTS_TABLE": requests_table,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value}
