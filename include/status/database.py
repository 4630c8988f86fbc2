"""The web server's own pool to the database of the execution log, and what it says where that is away."""

from __future__ import annotations

import logging
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import HTTPException

from include.core.errors import TapelineError

if TYPE_CHECKING:
    from include.clients.postgres import Postgres

log = logging.getLogger(__name__)
AWAY = "The execution log's database cannot be read at the moment; the pipelines themselves do not need it."
CONNECT_SECONDS = 2
_FOLDER = Path(__file__).with_name("sql") / "postgres"
_lock = threading.Lock()
_pool: Postgres | None = None


def query(name: str, **params: Any) -> list[dict[str, Any]]:
    """Return the rows of the statement `<name>.sql`; answer 503 where the database is away or not set up."""
    try:
        database = _database()
    except (TapelineError, AirflowNotFoundException) as error:
        raise _away(error) from error
    try:
        with database.connection() as connection:
            # never prepared: a plan for any parameters would not use the indexes
            return connection.execute(_sql(name), params, prepare=False).fetchall()  # type: ignore[arg-type]
    except TapelineError as error:
        database.close()  # the pool would try for minutes on its own; the next request shall see a database that is back
        raise _away(error) from error


def _away(error: Exception) -> HTTPException:
    log.warning("%s %s", AWAY, error)
    return HTTPException(503, AWAY)


def _database() -> Postgres:
    from include.orchestration.connections import fundamentals

    global _pool
    with _lock:
        if _pool is None:
            _pool = fundamentals(connect_timeout=CONNECT_SECONDS)
        return _pool


@cache
def _sql(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text()
