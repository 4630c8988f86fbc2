"""`migrate(address)`: the schema of the fundamentals database becomes the newest, or stays as it was."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql

from include.clients.postgres.address import PostgresAddress
from include.clients.postgres.client import Connection, connect
from include.clients.postgres.failures import database_error
from include.clients.postgres.migrations import FOLDER, VERSION_TABLE, newest_revision
from include.clients.postgres.partitions import ensure_years
from include.clients.postgres.tables import TABLES
from include.core.errors import MigrationFailed, TapelineError, TransientError

if TYPE_CHECKING:
    from sqlalchemy import Connection as AlchemyConnection

log = logging.getLogger(__name__)
_LOCK = 5_240_024
"""Whoever migrates holds this advisory lock, so that two at once do it one after the other."""
_YEARS_AHEAD = 1
_OLDEST = 180_000


def migrate(address: PostgresAddress, folder: Path = FOLDER) -> str:
    """Bring the database to the newest revision, make partitions ahead, and return the revision.

    All revisions are one transaction. Doing it again, and at once from several places, changes nothing.
    A database that is newer than the code is left as it is, so that the code of before can be deployed again.
    Raises `MigrationFailed`, and what `connect` raises.
    """
    newest = newest_revision(folder)
    with connect(address) as connection:
        _check_version(connection)
        known = _revision(connection)
    if known is not None and known > newest:
        log.warning(
            "PostgreSQL at %s is at revision %s, newer than %s of this code: left", address, known, newest
        )
        return known
    if known != newest:
        _upgrade(address, folder)
    with connect(address) as connection:
        _make_partitions_ahead(connection)
    return newest


def _check_version(connection: Connection) -> None:
    if connection.info.server_version < _OLDEST:
        raise MigrationFailed(
            f"This PostgreSQL is {connection.info.server_version // 10_000}; it must be "
            f"{_OLDEST // 10_000} or newer (RETURNING tells new rows from old ones). Nothing was changed."
        )


def _revision(connection: Connection) -> str | None:
    """Return the database's revision, or None for one that has no tables of ours."""
    found = connection.execute("SELECT to_regclass(%s) AS known", (VERSION_TABLE,)).fetchone()
    if not found or found["known"] is None:
        return None
    statement = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(VERSION_TABLE))
    row = connection.execute(statement).fetchone()
    return row["version_num"] if row else None


def _upgrade(address: PostgresAddress, folder: Path) -> None:
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    # `creator` keeps the password out of a URL
    engine = create_engine("postgresql+psycopg://", creator=lambda: _plain(address), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            # behind a long transaction it waits for a minute, and stops nobody for longer
            connection.execute(text("SET LOCAL lock_timeout = '60s'"))
            _run_alembic(connection, folder)
    except TapelineError:
        raise
    except Exception as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        known = database_error(cause, address) if isinstance(cause, Exception) else None
        if isinstance(known, TransientError):
            raise known from error
        raise MigrationFailed(
            f"The migration of PostgreSQL at {address} failed, and all of it was undone: "
            f"{' '.join(str(cause).split())[:600]}"
        ) from error


def _plain(address: PostgresAddress) -> Connection:
    from psycopg.rows import tuple_row

    return connect(address, row_factory=tuple_row)


def _run_alembic(connection: AlchemyConnection, folder: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _make_partitions_ahead(connection: Connection) -> None:
    """Have partitions for this year and the next, so that a new year's first load need not make them."""
    (row,) = connection.execute("SELECT extract(year FROM current_date)::int AS year").fetchall()
    for table in TABLES.values():
        if table.yearly:
            ensure_years(connection, table, range(row["year"], row["year"] + _YEARS_AHEAD + 1))
