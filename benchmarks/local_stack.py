"""The local default of a benchmark's own, in a temporary folder, answering from a made-up universe."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.universe import write_universe
from devstack.services import ReplayOptions
from devstack.stack import Stack

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
