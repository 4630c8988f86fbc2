"""Local defaults for tests: each in its own folder, ended with its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.stack import Stack


@pytest.fixture(scope="module")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One local default that runs, shared by the tests of a module; they must leave it running."""
    stack = Stack(tmp_path_factory.mktemp("home with space"))
    stack.up()
    yield stack
    stack.down()


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
