"""A replay server of the test session's own, which remembers every request, and a client that talks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any, NamedTuple

import pytest

from devstack.replay.app import Replay, create_app
from devstack.replay.faults import Faults
from devstack.replay.prices import load_prices
from devstack.replay.server import running
from include.clients.fmp import FmpClient

KEY = "key-0123456789-never-to-be-seen"


class Seen(NamedTuple):
    """One request as it arrived."""

    url: str
    headers: dict[bytes, bytes]


class Recorder:
    """An ASGI application before another one: notes each request."""

    def __init__(self, app: Replay) -> None:
        self.app = app
        self.seen: list[Seen] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Note and pass on."""
        if scope["type"] == "http":
            url = f"{scope['path']}?{scope['query_string'].decode()}"
            self.seen.append(Seen(url, dict(scope["headers"])))
        await self.app(scope, receive, send)


class Source(NamedTuple):
    """The server: its address, its application, what it has seen."""

    url: str
    replay: Replay
    recorder: Recorder


@pytest.fixture(scope="session")
def fmp_server() -> Iterator[Source]:
    """A replay server of the demo prices that wants `KEY`."""
    replay = create_app(load_prices(), api_key=KEY)
    recorder = Recorder(replay)
    with running(recorder) as url:
        yield Source(url, replay, recorder)


@pytest.fixture
def source(fmp_server: Source) -> Source:
    """The server without faults that has seen nothing yet."""
    fmp_server.replay.faults = Faults()
    fmp_server.replay.kinds.clear()
    fmp_server.replay.symbols.clear()
    fmp_server.recorder.seen.clear()
    return fmp_server


@pytest.fixture
def sleeps() -> list[float]:
    """The seconds that the client would have slept between attempts."""
    return []


@pytest.fixture
def make_client(source: Source, sleeps: list[float]) -> Callable[..., FmpClient]:
    """Return a function that makes a client: of the server, without waits, on a day after the recorded ones."""

    def make(today: str = "2013-03-20", url: str = source.url, key: str = KEY, **named: Any) -> FmpClient:
        # noon in New York, so that the day is the same there
        clock = datetime.fromisoformat(f"{today}T17:00:00").replace(tzinfo=timezone.utc)
        return FmpClient(url, key, **{"timeout": 20, "clock": lambda: clock, "sleep": sleeps.append, **named})

    return make


@pytest.fixture
def client(make_client: Callable[..., FmpClient]) -> FmpClient:
    """A client without limit and cache."""
    return make_client()


@pytest.fixture
def commit(source: Source) -> Callable[..., None]:
    """Return a function that makes the server commit faults from now on."""

    def set_faults(*specs: str) -> None:
        source.replay.faults = Faults(specs)

    return set_faults
