"""A PostgreSQL of this worker's own, which tests may kill, and an empty migrated database for each test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from include.clients.postgres import Postgres, PostgresAddress
from include.clients.postgres.client import connect
from include.clients.postgres.migrate import migrate
from tests.clients.postgres.waiting import await_server
from tests.conftest import free_port

PASSWORD = "p%40ss'w:ord/"  # what quoting gets wrong
TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def process() -> Iterator[tuple[PostgresAddress, subprocess.Popen[bytes]]]:
    """The address of a database that a server always has, and the server's process, just started."""
    # not below pytest's own folder: every pytest that starts closes that to the server's user
    folder, port = Path(tempfile.mkdtemp(prefix="tapeline-postgres-")), free_port()
    process = _start(folder, port)
    try:
        yield PostgresAddress("127.0.0.1", "postgres", "postgres", port, PASSWORD), process
    finally:
        process.send_signal(signal.SIGINT)  # fast: waits for nobody
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(process: tuple[PostgresAddress, subprocess.Popen[bytes]]) -> PostgresAddress:
    """A running PostgreSQL, whatever the test before did to it."""
    await_server(*process)
    return process[0]


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "devstack.postgres", "--data", str(folder / "data"), "--port", str(port)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command, env=os.environ | {"TAPELINE_POSTGRES_PASSWORD": PASSWORD}, stdout=log, stderr=log
        )


@pytest.fixture(scope="session")
def template(process: tuple[PostgresAddress, subprocess.Popen[bytes]]) -> str:
    """The name of a migrated database that nobody is connected to."""
    await_server(*process)
    with connect(process[0], autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # a killed process loses nothing by it
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate(replace(process[0], database=TEMPLATE))
    return TEMPLATE


@pytest.fixture
def make_database(
    server: PostgresAddress, process: tuple[PostgresAddress, subprocess.Popen[bytes]]
) -> Iterator[Callable[..., PostgresAddress]]:
    """Return a function that makes a database, empty or from a template; all are dropped at the end."""
    made: list[str] = []

    def make(template: str = "template1") -> PostgresAddress:
        name = f"t_{uuid.uuid4().hex[:12]}"
        with connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        made.append(name)
        return replace(server, database=name)

    yield make
    await_server(*process)
    with connect(server, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def empty(make_database: Callable[..., PostgresAddress]) -> PostgresAddress:
    """A database without any table."""
    return make_database()


@pytest.fixture
def address(make_database: Callable[..., PostgresAddress], template: str) -> PostgresAddress:
    """A migrated database without rows."""
    return make_database(template)


@pytest.fixture
def database(address: PostgresAddress) -> Iterator[Postgres]:
    """The migrated database, open."""
    with Postgres(address) as postgres:
        yield postgres
