"""A query: its tables bound to files, its tree to DuckDB, and its rows to a result file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb
from sqlglot import exp

from devstack.aws.athena.catalog import Catalog
from devstack.aws.athena.decimals import divide_as_decimals
from devstack.aws.athena.errors import QueryCancelled
from devstack.aws.athena.executions import Execution
from devstack.aws.athena.files import Files
from devstack.aws.athena.functions import check_functions, rewrite_functions
from devstack.aws.athena.names import check_names, glue_tables, name_outputs
from devstack.aws.athena.pruning import prune
from devstack.aws.athena.relation import relation
from devstack.aws.athena.results import ResultColumn, Row, write_csv
from devstack.aws.athena.statements import Statement
from devstack.aws.athena.values import column, lowered_fields, text

_ROWS = 2_000
"""Rows that are fetched together."""


@dataclass(frozen=True)
class Engine:
    """DuckDB for one query at a time: bounded, without internet, without extensions to load."""

    spill: Path
    memory: str = "768MB"
    threads: int = 2

    def connect(self) -> Any:
        """Return a connection that computes as Athena does: instants in UTC, integers by integers."""
        connection = duckdb.connect(
            ":memory:",
            config={
                "threads": self.threads,
                "memory_limit": self.memory,
                "temp_directory": str(self.spill),
                "autoinstall_known_extensions": False,
            },
        )
        for setting in ("TimeZone='UTC'", "integer_division=true", "preserve_insertion_order=false"):
            connection.execute(f"SET {setting}")
        return connection


@dataclass(frozen=True)
class Query:
    """One query that begins."""

    statement: Statement
    database: str
    cutoff: int
    """Bytes that it may scan; 0 is without a limit."""


def run_select(
    query: Query, execution: Execution, catalog: Catalog, files: Files, engine: Engine, output: IO[bytes]
) -> list[ResultColumn]:
    """Write the query's rows to `output` and return its columns; its execution learns what was scanned."""
    connection = engine.connect()
    try:
        execution.on_cancel(connection.interrupt)
        tree = _bind(query, execution, connection, catalog, files)
        if execution.state != "RUNNING":
            return []
        cursor = connection.execute(tree.sql(dialect="duckdb"))
        columns = [column(name, str(kind)) for name, kind, *_ in cursor.description]
        write_csv(output, [[one.name for one in columns]])
        rows = [place for place, (_, kind, *_) in enumerate(cursor.description) if _is_row(str(kind))]
        _write_rows(cursor, output, rows, lambda: execution.state == "RUNNING")
        return columns
    finally:
        execution.on_cancel(None)
        connection.close()


def _is_row(kind: str) -> bool:
    return "STRUCT(" in kind and "MAP(" not in kind


def _write_rows(cursor: Any, output: IO[bytes], rows: Sequence[int], wanted: Callable[[], bool]) -> None:
    """Write what is fetched while it is `wanted`; `rows` are the columns that hold rows."""
    while (fetched := cursor.fetchmany(_ROWS)) and wanted():
        shown: list[Row] = []
        for values in map(list, fetched):
            for place in rows:
                values[place] = lowered_fields(values[place])
            shown.append([text(value) for value in values])
        write_csv(output, shown)


def _bind(query: Query, execution: Execution, connection: Any, catalog: Catalog, files: Files) -> Any:
    """Return the tree in DuckDB's terms, each Glue table a view over the files of the partitions it reads."""
    tree, sql = query.statement.tree, query.statement.sql
    check_functions(tree, sql)
    name_outputs(tree)
    uses = glue_tables(tree, catalog, query.database, sql)
    check_names(tree, uses, sql)
    scanned, views = 0, []
    for number, use in enumerate(uses):
        data = files.of(use.table, prune(connection, use, catalog.partitions(use.table)))
        scanned += sum(one.size for one in data)
        execution.measure(DataScannedInBytes=scanned)
        if query.cutoff and scanned > query.cutoff:
            raise QueryCancelled(f"Bytes scanned limit was exceeded: {scanned} of {query.cutoff} bytes")
        view = f"glue_{number}"
        connection.execute(f"CREATE TEMP VIEW {view} AS {relation(use.table, data, files)}")
        views.append((use.node, view))
    for node, view in views:
        _point_to(node, view)
    divide_as_decimals(tree, uses)
    return rewrite_functions(tree)


def _point_to(node: Any, view: str) -> None:
    """Let the query's table node read the view under the name that the query uses."""
    if not node.alias:
        node.set("alias", exp.TableAlias(this=exp.to_identifier(node.name)))
    node.set("this", exp.to_identifier(view))
    node.set("db", None)
    node.set("catalog", None)
