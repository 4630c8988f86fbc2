"""The local warehouse as its own process, and requests to it without any client library."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
import urllib3

POOL = urllib3.PoolManager(timeout=60, retries=False)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Mapping[str, str]


class LocalWarehouse:
    """One process; `ask` speaks plain HTTP to it."""

    def __init__(self, process: subprocess.Popen[str], port: int, data: Path) -> None:
        self.process, self.port, self.data = process, port, data

    def ask(
        self,
        statement: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
        fields: Mapping[str, str] | None = None,
        **params: str,
    ) -> Answer:
        """Send a statement in the URL where there is a body or form, else as the body."""
        in_url = body is not None or fields is not None or method == "GET"
        query = urlencode({**params, **({"query": statement} if in_url else {})})
        url = f"http://127.0.0.1:{self.port}/?{query}"
        content = body if in_url else statement.encode()
        if fields is not None:
            got = POOL.request(method, url, fields=dict(fields), headers=dict(headers or {}))
        else:
            got = POOL.request(method, url, body=content, headers=dict(headers or {}))
        return Answer(got.status, got.data.decode(), got.headers)

    def value(self, statement: str, **params: str) -> str:
        """Return the text of an answer that must be a good one."""
        answer = self.ask(statement, **params)
        assert answer.status == 200, answer.text
        return answer.text.rstrip("\n")

    def end(self, number: int) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


Start = Callable[..., LocalWarehouse]


@pytest.fixture(scope="session")
def launch() -> Iterator[Start]:
    """Return a function that starts a warehouse on a folder; all of them are ended."""
    started: list[subprocess.Popen[str]] = []

    def start(data: Path, **environment: str) -> LocalWarehouse:
        process = spawn(data, 0, **environment)
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "listening on" in line, process.stderr.read() if process.stderr else line
        return LocalWarehouse(process, int(line.rsplit(":", 1)[1]), data)

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


def spawn(data: Path, port: int, **environment: str) -> subprocess.Popen[str]:
    """Start the process and return at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "devstack.warehouse", "--data", str(data), "--port", str(port)],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="session")
def refused() -> Callable[[Path, int], tuple[int, str]]:
    """Return a function that starts a warehouse which cannot start: its exit code and what it said."""

    def run(data: Path, port: int) -> tuple[int, str]:
        process = spawn(data, port)
        try:
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        return process.returncode, errors

    return run


@pytest.fixture(scope="session")
def warehouse(launch: Start, tmp_path_factory: pytest.TempPathFactory) -> LocalWarehouse:
    """A running local warehouse of this worker's own."""
    return launch(tmp_path_factory.mktemp("warehouse"))
