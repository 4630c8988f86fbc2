"""Local defaults for tests: each in its own folder, ended with its test."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.home import REPO
from devstack.ports import free_port
from devstack.services import base_environment, http_answers, http_url
from devstack.stack import Stack
from include.clients.aws import Aws


@pytest.fixture(scope="module")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One local default that runs, shared by the tests of a module; they must leave it running."""
    stack = Stack(tmp_path_factory.mktemp("home with space"))
    try:
        stack.up()
        yield stack
    finally:
        stack.down()  # also what a failed start left running


@pytest.fixture
def new_stack(tmp_path: Path) -> Iterator[Callable[[str], Stack]]:
    """Return a function that makes a local default of its own, not started; all are ended after the test."""
    made: list[Stack] = []

    def make(name: str = "home") -> Stack:
        made.append(Stack(tmp_path / name))
        return made[-1]

    yield make
    for stack in made:
        stack.down()


class LocalAwsProcess:
    """One local AWS in a state folder; it may be started again."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def aws(self) -> Aws:
        return Aws("us-east-1", http_url(self.port), "test", "test")

    @property
    def log(self) -> str:
        return (self.state / "log").read_text()

    def start(self) -> Aws:
        arguments = ["-m", "devstack.aws", "--state", str(self.state), "--port", str(self.port)]
        with (self.state / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *arguments], cwd=REPO, env=base_environment(), stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while not http_answers("/_ministack/health")(self.port):
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)
        return self.aws

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@pytest.fixture
def local_aws(tmp_path: Path) -> Iterator[LocalAwsProcess]:
    """A local AWS of the test's own, running."""
    process = LocalAwsProcess(tmp_path)
    try:
        process.start()
        yield process
    finally:
        process.stop()
