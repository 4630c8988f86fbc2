"""`python killed_upsert.py`: upserts prices, stops in the middle of its COPY, and says so; the test kills it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from include.clients.postgres import Postgres
from include.clients.postgres import upsert as module
from include.clients.postgres.address import VARIABLE, parse_address
from tests.clients.postgres.frames import prices

_encode = module.encode


def _halfway(*args: Any) -> Iterator[Any]:
    pieces = _encode(*args)
    yield next(pieces)
    yield next(pieces)
    sys.stdout.write("halfway\n")
    sys.stdout.flush()
    time.sleep(600)


if __name__ == "__main__":
    module.encode = _halfway  # type: ignore[assignment]
    with Postgres(parse_address(os.environ[VARIABLE])) as database, database.connection() as connection:
        module.upsert(connection, "daily_prices", prices(symbols=50, days=2_000, factor=3))
