"""Waiting for a PostgreSQL."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress

from include.clients.postgres import PostgresAddress
from include.clients.postgres.client import connect
from include.core.errors import DatabaseUnavailable


def await_server(address: PostgresAddress, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server takes connections, also after a crash."""
    deadline = time.monotonic() + 90
    while not _answers(address):
        assert time.monotonic() < deadline, "PostgreSQL did not come up"
        assert process.poll() is None, "PostgreSQL has ended"
        time.sleep(0.05)


def _answers(address: PostgresAddress) -> bool:
    with suppress(DatabaseUnavailable):
        connect(address).close()
        return True
    return False
