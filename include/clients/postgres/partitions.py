"""Partitions by year: made ahead by `migrate`, and by `upsert` for whatever years data comes."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from include.clients.postgres.client import Connection
from include.clients.postgres.tables import Table

_LOCK = 5_240_025
"""Two that make the same partition do it one after the other; loads into others go on."""
# not to_regclass: it may answer from a cache that does not know yet what another connection made
_EXISTING = (
    "SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
    "WHERE inhparent = %s::text::regclass AND relname = ANY(%s)"
)


def ensure_years(connection: Connection, table: Table, years: Iterable[int]) -> list[int]:
    """Make the partitions of a table that are absent, in the caller's transaction; return their years.

    A partition is made apart and then attached: readers and writers of the table are not stopped.
    """
    wanted = sorted(set(years))
    if not _absent(connection, table, wanted):
        return []
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    absent = _absent(connection, table, wanted)
    for year in absent:
        names = {
            "table": sql.Identifier(table.name),
            "part": sql.Identifier(_part(table, year)),
            "first": sql.Literal(f"{year:04}-01-01"),
            "end": sql.Literal(f"{year + 1:04}-01-01"),
        }
        connection.execute(
            sql.SQL("CREATE TABLE {part} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(
                **names
            )
        )
        connection.execute(
            sql.SQL(
                "ALTER TABLE {table} ATTACH PARTITION {part} FOR VALUES FROM ({first}) TO ({end})"
            ).format(**names)
        )
    return absent


def _absent(connection: Connection, table: Table, years: list[int]) -> list[int]:
    names = {_part(table, year): year for year in years}
    found = connection.execute(_EXISTING, (table.name, list(names))).fetchall()
    existing = {row["name"] for row in found}
    return [year for name, year in names.items() if name not in existing]


def _part(table: Table, year: int) -> str:
    return f"{table.name}_{year:04}"
