"""The columns of a table that follows its files: made from the first, widened by later ones, never bent."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only

from include.clients.warehouse.columns import bare, column_type, holds, nullable, sent_as, widened
from include.clients.warehouse.interface import Warehouse
from include.clients.warehouse.tables import WarehouseTable, read_sql
from include.core.errors import SchemaMismatch, StatementFailed, TapelineError

log = logging.getLogger(__name__)
ORIGIN = ("_file_id", "_row", "_version")
MODERN = (21, 12)
"""The ClickHouse that first has all of Bool, Date32, DateTime64 and views that replace others."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,126}")
_ROUNDS = 8
Columns = dict[str, str]
"""Name and type of columns; of a file, types without `Nullable` count as with it."""


@dataclass(frozen=True)
class Change:
    """One ALTER that a table needs."""

    name: str
    before: str | None
    """None: there is no such column yet."""
    after: str


def columns_of(schema: pa.Schema, uri: str, *, modern: bool) -> Columns:
    """Return a file's columns as the warehouse would keep them; those that never have a value are left out."""
    found: Columns = {}
    faults = []
    for field in schema:
        if not _NAME.fullmatch(field.name):
            faults.append(
                f"{field.name!r} cannot be a column (a letter first, then letters, digits and _, at most 127)"
            )
        elif field.name in found:
            faults.append(f"{field.name} is there twice")
        else:
            try:
                kind = column_type(field.type, modern=modern)
            except ValueError as error:
                faults.append(f"{field.name} is {field.type}: {error}")
            else:
                found |= {field.name: kind} if kind else {}
    if faults or not found:
        raise SchemaMismatch(
            f"{uri} cannot become a table, so nothing of it was loaded: "
            f"{'; '.join(faults) or 'it has no column with a type'}. Write it again without that."
        )
    return found


def plan_changes(table: WarehouseTable, present: Columns, files: Mapping[str, Columns]) -> list[Change]:
    """Return what must change so that the table holds all files' columns; raise `SchemaMismatch` naming a key."""
    planned = dict(present)
    for key, columns in files.items():
        for name, kind in columns.items():
            if name not in planned:
                planned[name] = kind
            elif not holds(bare(planned[name]), bare(kind)):
                wider = widened(bare(planned[name]), bare(kind))
                if not wider:
                    raise _mismatch(table, key, name, planned[name], kind)
                planned[name] = nullable(wider)
    return [
        Change(name, present.get(name), kind) for name, kind in planned.items() if present.get(name) != kind
    ]


def _mismatch(table: WarehouseTable, key: str, name: str, ours: str, theirs: str) -> SchemaMismatch:
    error = SchemaMismatch(
        f"{key}: column {name} is {theirs} in the file and {ours} in {table.view}, which cannot hold it without "
        "loss, so nothing of the file was loaded. Write the column in the table's type, or the file for a table "
        "of another name."
    )
    error.key = key
    return error


def fit_table(warehouse: Warehouse, table: WarehouseTable, files: Mapping[str, Columns]) -> Columns:
    """Make or alter the table and its view until they hold the files' columns; return these with the table's types.

    Others may do the same at once or have died half-way: what is needed is read anew after each step, and a
    statement that fails is a fault only if it is still needed some rounds later.
    """
    failed: TapelineError | None = None
    for _ in range(_ROUNDS):
        present, seen = _read_columns(warehouse, table)
        changes = plan_changes(table, present, files)
        if present and not changes and seen == present:
            return _wanted(table, present, files)
        for step in _steps(warehouse, table, present, changes):
            try:
                step()
                failed = None
            except (StatementFailed, SchemaMismatch) as error:  # noqa: PERF203 - the others may still succeed
                failed = error
    raise failed or StatementFailed(
        f"{table.view} did not come to rest: others change its columns all the time. Load the files again later."
    )


def _steps(
    warehouse: Warehouse, table: WarehouseTable, present: Columns, changes: list[Change]
) -> list[Callable[[], None]]:
    """Return the statements that a round needs, each of which may fail because somebody else was faster."""
    if not present:
        return [lambda: _create(warehouse, table, changes)]
    if changes:
        return [partial(_alter, warehouse, table, change) for change in changes]
    return [lambda: _make_view(warehouse, table, present)]


def _read_columns(warehouse: Warehouse, table: WarehouseTable) -> tuple[Columns, Columns]:
    """Return the columns of the rows (without where they come from) and those of the view."""
    bound = {"domain": table.domain, "names": [table.name, f"{table.name}_rows"]}
    rows: Columns = {}
    view: Columns = {}
    for row in warehouse.query(read_sql("select_columns", table), bound).to_pylist():
        (view if row["table"] == table.name else rows)[row["name"]] = row["type"]
    if rows and not set(ORIGIN) <= set(rows):
        raise SchemaMismatch(
            f"{table.rows} was not made by the loader: it lacks {', '.join(ORIGIN)}. Rename or drop it."
        )
    return {name: kind for name, kind in rows.items() if name not in ORIGIN}, view


def _wanted(table: WarehouseTable, present: Columns, files: Mapping[str, Columns]) -> Columns:
    """Return the columns that some file has, with the table's types."""
    names = {name for columns in files.values() for name in columns}
    wanted = {name: kind for name, kind in present.items() if name in names}
    try:
        for kind in wanted.values():
            sent_as(kind)
    except ValueError as error:
        raise SchemaMismatch(f"{table.rows}: {error}. Alter them to a type of docs/adr/0016.") from error
    return wanted


def _create(warehouse: Warehouse, table: WarehouseTable, changes: list[Change]) -> None:
    columns = [f"`{change.name}` {change.after}" for change in changes]
    log.info(
        "%s has no table yet: it is made from its first files' columns: %s", table.view, ", ".join(columns)
    )
    warehouse.execute(read_sql("create_any_rows", table, columns=",\n    ".join(columns)))


def _alter(warehouse: Warehouse, table: WarehouseTable, change: Change) -> None:
    named = {"column": f"`{change.name}`", "type": change.after}
    if change.before is None:
        log.info("%s gets the column %s %s, which a file has", table.view, change.name, change.after)
        warehouse.execute(read_sql("add_column", table, **named))
        return
    log.info(
        "%s: column %s becomes %s, because a file has values that %s cannot hold",
        table.view, change.name, change.after, change.before,
    )  # fmt: skip
    warehouse.execute(read_sql("modify_column", table, **named))


def _make_view(warehouse: Warehouse, table: WarehouseTable, columns: Columns) -> None:
    replaces = warehouse.version >= MODERN
    if not replaces:
        warehouse.execute(read_sql("drop_view", table))
    log.info("The view %s is made with the columns %s", table.view, ", ".join(columns))
    warehouse.execute(
        read_sql(
            "create_any_view",
            table,
            create="CREATE OR REPLACE VIEW" if replaces else "CREATE VIEW IF NOT EXISTS",
            columns=", ".join(f"`{name}`" for name in columns),
        )
    )
