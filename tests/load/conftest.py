"""Loaders of a test's own on the local default."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devstack.stack import Stack
from include.core.domains import domains
from include.orchestration import connections
from tests.load.loads import Loads
from tests.market import applied


@pytest.fixture(scope="session")
def local(stack: Stack) -> Iterator[Stack]:
    """The local default; the connections are its own while a test runs."""
    with applied(stack.environment()):
        yield stack


@pytest.fixture
def make_loads(local: Stack) -> Callable[..., Loads]:
    """Return a function that makes `Loads` of a domain of the registry."""

    def make(domain: str = "market", **named: Any) -> Loads:
        return Loads(local.aws(), connections.warehouse, domains()[domain], **named)

    return make


@pytest.fixture
def loads(make_loads: Callable[..., Loads]) -> Loads:
    return make_loads()
