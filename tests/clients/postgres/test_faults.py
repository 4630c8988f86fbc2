"""Whatever dies in the middle of a write: the tables are as they were, and the same write again is whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from include.clients.postgres import Postgres, PostgresAddress
from include.clients.postgres import upsert as module
from include.clients.postgres.address import VARIABLE
from include.clients.postgres.client import connect
from include.clients.postgres.upsert import Upserted, upsert
from include.core.errors import DatabaseUnavailable
from tests.clients.postgres.frames import checksum, prices
from tests.clients.postgres.waiting import await_server

pytestmark = pytest.mark.integration

BIG = prices(symbols=50, days=2_000, factor=3)
"""More than one piece of a COPY."""


@pytest.fixture
def filled(database: Postgres) -> Postgres:
    """A database with prices of two symbols."""
    with database.connection() as connection:
        assert upsert(connection, "daily_prices", prices(days=200)).inserted == 400
    return database


def _in_mid_copy(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Have `act` done once when a part of the rows was sent and a part was not."""
    encode = module.encode

    def pieces(*args: Any) -> Iterator[Any]:
        found = encode(*args)
        yield next(found)
        yield next(found)
        act()
        yield from found

    monkeypatch.setattr(module, "encode", pieces)


def _terminate(address: PostgresAddress, pid: int) -> None:
    with connect(address) as other:
        other.execute("SELECT pg_terminate_backend(%s, 60000)", [pid])


def _kill(address: PostgresAddress, pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("end", [_terminate, _kill])
def test_a_connection_dropped_in_mid_copy_leaves_nothing_half_written(
    filled: Postgres,
    server: PostgresAddress,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[PostgresAddress, int], None],
    process: tuple[PostgresAddress, subprocess.Popen[bytes]],
) -> None:
    before = checksum(filled, "daily_prices")

    def dropped() -> None:
        with filled.connection() as connection:
            pid = connection.info.backend_pid
            _in_mid_copy(monkeypatch, lambda: end(server, pid))
            upsert(connection, "daily_prices", BIG)

    with pytest.raises(DatabaseUnavailable, match="nothing was written that was not committed"):
        dropped()
    monkeypatch.undo()
    await_server(*process)  # a killed backend makes the server start all of them anew
    assert checksum(filled, "daily_prices") == before
    with filled.connection() as connection:
        done = upsert(connection, "daily_prices", BIG)
    assert done == Upserted(inserted=len(BIG) - 400, updated=400)


def test_a_writer_killed_in_mid_copy_leaves_nothing_half_written(filled: Postgres) -> None:
    before, address = checksum(filled, "daily_prices"), filled.address
    fields = {"host": address.host, "port": address.port, "schema": address.database, "login": address.user}
    writer = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("killed_upsert.py"))],
        env=os.environ | {VARIABLE: json.dumps(fields | {"password": address.password}), "PYTHONPATH": "."},
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout
    with writer, writer.stdout:
        try:
            assert writer.stdout.readline() == "halfway\n"
        finally:
            writer.kill()
    assert checksum(filled, "daily_prices") == before
    with filled.connection() as connection:
        assert upsert(connection, "daily_prices", BIG) == Upserted(inserted=len(BIG) - 400, updated=400)


def test_upserts_of_the_same_keys_at_once_never_deadlock(database: Postgres) -> None:
    """In whatever order their rows come, they wait for each other; one of them is the last for every row."""
    frames = [
        prices(symbols=20, days=150, factor=factor, first=date(2013, 3, 1)).sample(
            fraction=1, shuffle=True, seed=factor
        )
        for factor in range(1, 5)
    ]

    def write(frame: pl.DataFrame) -> Upserted:
        with database.connection() as connection:
            return upsert(connection, "daily_prices", frame)

    write(frames[0])  # whoever makes partitions holds up the others
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(write, [*frames[1:], frames[0]]))
    assert sum(each.inserted for each in done) == 0
    assert sum(each.updated for each in done) in (9_000, 12_000)  # as it was first, or not
    rows = database.query("SELECT symbol, date, close FROM daily_prices ORDER BY symbol, date")
    kept = pl.DataFrame(rows, {"symbol": pl.String, "date": pl.Date, "close": pl.Float64})
    wanted = [frame.sort("symbol", "date").select("symbol", "date", "close") for frame in frames]
    assert sum(kept.equals(frame) for frame in wanted) == 1
