"""A replay server of the test session's own, and a client that talks to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack.replay.app import Replay, create_app
from devstack.replay.faults import Faults
from devstack.replay.prices import Prices, load_prices
from devstack.replay.server import running
from include.clients.yahoo import YahooClient


@pytest.fixture(scope="session")
def prices() -> Prices:
    """The recorded demo prices."""
    return load_prices()


@pytest.fixture
def replay(prices: Prices) -> Replay:
    """The server's application: set `faults`, read `kinds`."""
    return create_app(prices)


@pytest.fixture
def base_url(replay: Replay) -> Iterator[str]:
    """Where the replay server of this test listens."""
    with running(replay) as url:
        yield url


@pytest.fixture
def client(base_url: str) -> YahooClient:
    """A client of the replay server that gives up after two seconds."""
    return YahooClient(base_url, timeout=2)


@pytest.fixture
def commit(replay: Replay):
    """Return a function that makes the server commit faults from now on."""

    def set_faults(*specs: str) -> None:
        replay.faults = Faults(specs)

    return set_faults
