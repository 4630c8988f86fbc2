"""`Postgres(address)`: a pool of connections; a block of `connection()` is one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from include.clients.postgres.address import PostgresAddress
from include.clients.postgres.failures import database_error

if TYPE_CHECKING:
    from psycopg.sql import Composed

Connection = psycopg.Connection[DictRow]
Params = Sequence[Any] | Mapping[str, Any] | None


class Postgres:
    """One database. Connections are made when they are needed, and kept for the next use."""

    def __init__(self, address: PostgresAddress, *, connections: int = 4) -> None:
        self.address = address
        self._size = connections
        self._pool: ConnectionPool[Connection] | None = None
        self._opening = Lock()

    def __repr__(self) -> str:
        return f"Postgres({self.address})"

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Have a connection for one transaction: committed at the end, rolled back by an exception.

        psycopg's errors become ours: `DatabaseUnavailable` and `DatabaseConflict` are transient,
        `ConstraintViolated`, `SchemaMismatch`, `CredentialsMissing` and `StatementFailed` terminal.
        """
        try:
            with self._opened().connection() as connection:
                yield connection
        except (psycopg.Error, PoolTimeout) as error:
            raise database_error(error, self.address) from error

    def query(self, sql: str | Composed, params: Params = None) -> list[dict[str, Any]]:
        """Return the rows of one statement, each by column name; `%s` or `%(name)s` are the params."""
        with self.connection() as connection:
            return connection.execute(sql, params).fetchall()

    def execute(self, sql: str | Composed, params: Params = None) -> int:
        """Run one statement in a transaction of its own; return how many rows it touched."""
        with self.connection() as connection:
            return connection.execute(sql, params).rowcount

    def close(self) -> None:
        """Close every connection; the next use opens new ones."""
        with self._opening:
            pool, self._pool = self._pool, None
        if pool:
            pool.close()

    def __enter__(self) -> Postgres:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self) -> ConnectionPool[Connection]:
        with self._opening:
            if self._pool is None:
                # the pool would try for long and not say why: a first connection says it at once
                connect(self.address).close()
                self._pool = ConnectionPool(
                    kwargs={**self.address.arguments, "row_factory": dict_row},
                    connection_class=Connection,
                    min_size=0,
                    max_size=self._size,
                    timeout=self.address.connect_timeout,
                    max_idle=60,
                    check=ConnectionPool.check_connection,
                    open=True,
                    name=f"postgres {self.address}",
                )
            return self._pool


def connect(address: PostgresAddress, **settings: Any) -> Connection:
    """Return one connection outside any pool; raise our errors where there is none to have."""
    try:
        return psycopg.connect(**{**address.arguments, "row_factory": dict_row, **settings})
    except psycopg.Error as error:
        raise database_error(error, address) from error
