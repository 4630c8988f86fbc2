"""The local default of a benchmark's own, in a temporary folder, answering from a made-up universe."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.harness import ROOT
from benchmarks.universe import write_universe
from devstack.ports import free_port
from devstack.services import ReplayOptions, base_environment, http_answers, http_url
from devstack.stack import Stack
from include.clients.aws import Aws

SYMBOLS = 505


@contextmanager
def local_stack(symbols: int = SYMBOLS) -> Iterator[dict[str, str]]:
    """Start the local default with a user's Parquet file of `symbols`; yield the environment for its users."""
    with tempfile.TemporaryDirectory(prefix="benchmark-stack-", ignore_cleanup_errors=True) as folder:
        data = write_universe(Path(folder) / "universe.parquet", symbols, first_day="2013-01-02")
        stack = Stack(Path(folder) / "home")
        try:
            stack.up(ReplayOptions(data=data))
            yield stack.environment()
        finally:
            stack.down()


@contextmanager
def local_aws() -> Iterator[tuple[Aws, psutil.Process, Path]]:
    """Start a local AWS alone, empty; yield it, its process, and the folder of its state."""
    with tempfile.TemporaryDirectory(prefix="benchmark-aws-", ignore_cleanup_errors=True) as folder:
        port, state = free_port(), Path(folder)
        command = [sys.executable, "-m", "devstack.aws", "--state", folder, "--port", str(port)]
        environment = base_environment() | {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
        with (state / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            while not http_answers("/_ministack/health")(port):
                if process.poll() is not None:
                    raise RuntimeError((state / "log").read_text()[-2000:])
                time.sleep(0.05)
            yield Aws("us-east-1", http_url(port), "test", "test"), psutil.Process(process.pid), state
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def applied(environment: dict[str, str]) -> Iterator[None]:
    """Have the variables set for the processes that are measured meanwhile."""
    before = {name: os.environ.get(name) for name in [*environment, "PYTHONDONTWRITEBYTECODE"]}
    os.environ.update(environment)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # without bytecode every process compiles Airflow again
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
