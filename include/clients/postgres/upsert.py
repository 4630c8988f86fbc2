"""`upsert(connection, table, frame)`: a frame's rows become the table's, in one COPY and one statement."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl  # noqa: TID253 - this module is imported inside tasks only
from psycopg import sql

from include.clients.postgres.binary import conform, encode
from include.clients.postgres.client import Connection
from include.clients.postgres.partitions import ensure_years
from include.clients.postgres.tables import Table, table_of
from include.core.errors import ConstraintViolated, SchemaMismatch


@dataclass(frozen=True)
class Upserted:
    """What an upsert did, in rows."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    """They were there with the same values, and are as they were: `updated_at` too."""


def upsert(connection: Connection, table: str, frame: pl.DataFrame) -> Upserted:
    """Insert the frame's rows, or update those whose key is there and whose values differ.

    In the caller's transaction: all rows or none. Columns that the frame lacks stay as they are. Rows are
    locked in the order of their keys, so that two upserts at once wait for each other and never deadlock.
    Raises `SchemaMismatch` for columns that the table has not or whose values do not fit, and
    `ConstraintViolated` for a key that is null or there twice.
    """
    target = table_of(table)
    types = _types(target, frame)
    if frame.is_empty():
        return Upserted()
    rows = conform(frame, types).sort(target.key)
    _check_keys(target, rows)
    if target.yearly:
        years = frame[target.yearly].dt.year().unique().to_list()
        ensure_years(connection, target, years)
    names = _names(target, types)
    connection.execute(_STAGE.format(**names))
    with connection.cursor().copy(_COPY.format(**names)) as copy:
        for piece in encode(rows, types):
            copy.write(piece)
    (done,) = connection.execute(_merge(target, types).format(**names)).fetchall()
    connection.execute(_UNSTAGE.format(**names))
    inserted, written = done["inserted"], done["written"]
    return Upserted(inserted, written - inserted, len(rows) - written)


_STAGE = sql.SQL(
    "CREATE TEMPORARY TABLE {stage} ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA"
)
_UNSTAGE = sql.SQL("DROP TABLE pg_temp.{stage}")
_COPY = sql.SQL("COPY pg_temp.{stage} ({columns}) FROM STDIN (FORMAT binary)")
_INSERT = (
    "WITH written AS (INSERT INTO {table} AS kept ({columns}) SELECT {columns} FROM pg_temp.{stage} "
    "ON CONFLICT ({key}) DO {update} RETURNING old IS NULL AS is_new) "
    "SELECT count(*) FILTER (WHERE is_new) AS inserted, count(*) AS written FROM written"
)


def _merge(table: Table, types: dict[str, str]) -> sql.SQL:
    """Return the statement that moves the staged rows; it touches only rows that differ."""
    if all(name in table.key for name in types):
        update = "NOTHING"
    else:
        touch = ", updated_at = now()" if table.has_updated_at else ""
        update = f"UPDATE SET {{changes}}{touch} WHERE ({{ours}}) IS DISTINCT FROM ({{theirs}})"
    return sql.SQL(_INSERT.replace("{update}", update))


def _names(table: Table, types: dict[str, str]) -> dict[str, sql.Composable]:
    values = [sql.Identifier(name) for name in types if name not in table.key]
    comma = sql.SQL(", ")
    return {
        "table": sql.Identifier(table.name),
        "stage": sql.Identifier(f"staged_{table.name}"),
        "columns": comma.join(map(sql.Identifier, types)),
        "key": comma.join(map(sql.Identifier, table.key)),
        "changes": comma.join(sql.SQL("{0} = excluded.{0}").format(value) for value in values),
        "ours": comma.join(sql.SQL("kept.{}").format(value) for value in values),
        "theirs": comma.join(sql.SQL("excluded.{}").format(value) for value in values),
    }


def _types(table: Table, frame: pl.DataFrame) -> dict[str, str]:
    """Return the types of the frame's columns, in the table's order."""
    unknown = [name for name in frame.columns if name not in table.columns]
    missing = [name for name in table.key if name not in frame.columns]
    if unknown or missing:
        raise SchemaMismatch(
            f"{table.name} has no column {', '.join(unknown) or '…'}"
            if unknown
            else f"The rows for {table.name} lack {', '.join(missing)} of its key; nothing was written."
        )
    return {name: kind for name, kind in table.columns.items() if name in frame.columns}


def _check_keys(table: Table, rows: pl.DataFrame) -> None:
    """Refuse keys that are null or there twice, naming the first; the rows are in the order of their keys."""
    null = rows.filter(pl.any_horizontal(pl.col(table.key).is_null()))
    twice = rows.filter(pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in table.key))
    for faulty, fault in ((null, "has no value in its key"), (twice, "is there twice")):
        if len(faulty):
            row = ", ".join(f"{name} {_shown(faulty[name], table.columns[name])}" for name in table.key)
            raise ConstraintViolated(
                f"{len(faulty)} row(s) for {table.name}: the first {fault}: {row}; nothing was written."
            )


def _shown(values: pl.Series, kind: str) -> object:
    """Return the first value as a person writes it; a `conform`ed date is a number of days."""
    return (values.cast(pl.Date) if kind == "date" else values)[0]
