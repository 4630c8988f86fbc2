"""Backup and restore of the whole fundamentals database by PostgreSQL's own pg_dump and pg_restore.

The password goes to them by the environment, never by an argument. Both programs must be of the server's
major version or newer.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from shutil import which

import psycopg
from psycopg import sql
from psycopg.errors import ObjectInUse

from include.clients.postgres.address import PostgresAddress
from include.clients.postgres.client import Connection, connect
from include.clients.postgres.failures import database_error
from include.clients.postgres.migrate import migrate
from include.clients.postgres.migrations import VERSION_TABLE
from include.core.errors import BackupFailed, TapelineError

MAINTENANCE = "postgres"
"""The database that one is connected to while ours is made, renamed or dropped."""
_TRIES = 5


def backup(address: PostgresAddress, file: Path, tools: Path | None = None) -> int:
    """Write one consistent snapshot to a file, while others write; return its size in bytes.

    The file appears whole or not at all, and only its owner may read it. `tools`: where pg_dump is;
    None: PATH.
    """
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.touch(mode=0o600, exist_ok=False)
        _run(address, "pg_dump", tools, "--format=custom", f"--file={draft}")
        size = draft.stat().st_size
        draft.replace(file)
    except OSError as error:
        raise BackupFailed(f"No backup was written to {file}: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return size


def restore(address: PostgresAddress, file: Path, tools: Path | None = None) -> str:
    """Put a backup in the place of the database; return the revision it is at now.

    The backup is restored beside the database and migrated there. Only then are the two exchanged, in one
    transaction, and who is connected to the old one is disconnected. Raises `BackupFailed` for a file that
    is no whole backup of ours; the database is then as it was. The login must be allowed to create databases.
    """
    if not file.is_file():
        raise BackupFailed(f"There is no file {file}; nothing was restored.")
    beside = replace(address, database=f"{address.database}_restoring")
    replaced = f"{address.database}_replaced"
    with _maintenance(address) as server:
        for leftover in (beside.database, replaced):  # of a restore that was killed
            _drop(server, leftover)
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(beside.database)))
        try:
            _run(beside, "pg_restore", tools, "--exit-on-error", "--single-transaction", "--no-owner", "--no-acl",
                 f"--dbname={beside.database}", str(file))  # fmt: skip
            _check_is_ours(beside, file)
            revision = migrate(beside)
            _exchange(server, address.database, beside.database, replaced)
        except BaseException:
            with suppress(TapelineError):
                _drop(server, beside.database)
            raise
        _drop(server, replaced)
    return revision


@contextmanager
def _maintenance(address: PostgresAddress) -> Iterator[Connection]:
    connection = connect(replace(address, database=MAINTENANCE), autocommit=True)
    try:
        yield connection
    except psycopg.Error as error:
        raise database_error(error, address) from error
    finally:
        connection.close()


def _drop(server: Connection, database: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def _check_is_ours(restored: PostgresAddress, file: Path) -> None:
    with connect(restored) as connection:
        (row,) = connection.execute("SELECT to_regclass(%s) AS known", (VERSION_TABLE,)).fetchall()
    if row["known"] is None:
        raise BackupFailed(f"{file} is a backup of another database; nothing was restored.")


def _exchange(server: Connection, database: str, restored: str, replaced: str) -> None:
    """Give the restored database the name of the old one; both renames happen or none."""
    for _ in range(_TRIES):
        if _exchanged(server, database, restored, replaced):
            return
    raise BackupFailed(
        f"{database} is connected to again and again, so the backup was not put in its place: stop what uses "
        "it (pause the DAGs), then restore again."
    )


def _exchanged(server: Connection, database: str, restored: str, replaced: str) -> bool:
    with suppress(ObjectInUse), server.transaction():  # in use: somebody connected again in between
        if _exists(server, database):
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,)
            )
            server.execute(_RENAME.format(sql.Identifier(database), sql.Identifier(replaced)))
        server.execute(_RENAME.format(sql.Identifier(restored), sql.Identifier(database)))
        return True
    return False


_RENAME = sql.SQL("ALTER DATABASE {} RENAME TO {}")


def _exists(server: Connection, database: str) -> bool:
    return bool(server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchall())


def _run(address: PostgresAddress, program: str, tools: Path | None, *arguments: str) -> None:
    """Run one of PostgreSQL's programs, or raise `BackupFailed` with what it said."""
    found = which(program, path=str(tools) if tools else None)
    if not found:
        raise BackupFailed(
            f"{program} is not on PATH, so nothing was done. Install PostgreSQL's client programs, of the "
            "server's version or newer."
        )
    known = {
        "PGHOST": address.host,
        "PGPORT": str(address.port),
        "PGUSER": address.user,
        "PGPASSWORD": address.password,
        "PGDATABASE": address.database,
        "PGSSLMODE": address.sslmode,
        "PGCONNECT_TIMEOUT": str(address.connect_timeout),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL, and no shell
        [found, "--no-password", *arguments],
        env=kept | known, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = " ".join(done.stderr.split())[-600:] or f"it ended with {done.returncode}"
        raise BackupFailed(f"{program} on {address} failed; the database is as it was: {said}")
