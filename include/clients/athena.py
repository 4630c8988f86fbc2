"""Athena's answers: results of finished queries, and whether a table has projected partitions."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.clients.aws import Aws, aws_error, error_code
from include.core.errors import CallRefused


@dataclass(frozen=True)
class Result:
    """A finished query's answer."""

    columns: list[tuple[str, str]]
    """Name, in lower case as names of tables' columns always are, and Athena's type of each."""
    rows: list[tuple[Any, ...]]
    """Integers, floats, booleans, instants (UTC) and text; None for NULL."""
    scanned_bytes: int

    def dicts(self) -> list[dict[str, Any]]:
        """Return the rows by column name."""
        names = [name for name, _ in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def fetch_result(aws: Aws, query_id: str) -> Result:
    """Return the whole answer of a query; raise `CallRefused` where it has not succeeded."""
    execution, reading = _succeeded(aws, query_id), aws.client("athena").get_paginator("get_query_results")
    try:
        pages = list(reading.paginate(QueryExecutionId=query_id))
    except (BotoCoreError, ClientError) as error:
        raise aws_error(error, f"Reading the result of Athena's query {query_id}") from error
    info = pages[0]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    columns = [(column["Name"].lower(), column["Type"]) for column in info]
    cells = [
        [cell.get("VarCharValue") for cell in row["Data"]] for p in pages for row in p["ResultSet"]["Rows"]
    ]
    readers = [_READERS.get(kind, str) for _, kind in columns]
    headed = execution.get("StatementType") == "DML"  # only then the first row is the header
    rows = [
        tuple(None if text is None else read(text) for read, text in zip(readers, row, strict=True))
        for row in cells[headed:]
    ]
    scanned = int(execution.get("Statistics", {}).get("DataScannedInBytes", 0))
    return Result(columns, rows, scanned)


def iter_text_column(aws: Aws, query_id: str) -> Iterator[str]:
    """Yield the first column of a query's answer from its file, however long; NULLs are left out.

    Raises `CallRefused` where the query has not succeeded. Needs no memory: Athena's pages of 1,000 rows would take
    hours for millions.
    """
    with tempfile.TemporaryFile() as file:
        bucket, _, key = _succeeded(aws, query_id)["ResultConfiguration"]["OutputLocation"][5:].partition("/")
        aws.object_store(bucket).download(key, file)
        file.seek(0)
        rows = csv.reader(io.TextIOWrapper(file, "utf-8", newline=""))
        next(rows, None)  # the names
        yield from (row[0] for row in rows if row and row[0])


def _succeeded(aws: Aws, query_id: str) -> dict[str, Any]:
    """Return what Athena says of a query that succeeded; raise `CallRefused` of any other."""
    try:
        execution: dict[str, Any] = aws.client("athena").get_query_execution(QueryExecutionId=query_id)[
            "QueryExecution"
        ]
    except (BotoCoreError, ClientError) as error:
        raise aws_error(error, f"Looking at Athena's query {query_id}") from error
    state = execution["Status"]["State"]
    if state != "SUCCEEDED":
        raise CallRefused(f"Athena's query {query_id} is {state}: it has no result to read.")
    return execution


def table_projection(aws: Aws, database: str, table: str) -> bool | None:
    """Return whether a Glue table has projected partitions; None where there is no such table."""
    try:
        found = aws.client("glue").get_table(DatabaseName=database, Name=table)["Table"]
    except (BotoCoreError, ClientError) as error:
        if error_code(error) == "EntityNotFoundException":
            return None
        raise aws_error(error, f"Looking at the Glue table {database}.{table}") from error
    return str(found.get("Parameters", {}).get("projection.enabled", "false")).lower() == "true"


def _instant(text: str) -> datetime:
    """Return an instant from `2026-01-04 10:00:00.000`, with or without a zone; Athena's are UTC."""
    return datetime.fromisoformat(text.removesuffix(" UTC")[:23]).replace(tzinfo=timezone.utc)


_READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "int", "bigint"), int),
    **dict.fromkeys(("double", "float", "real", "decimal"), float),
    "boolean": lambda text: text == "true",
    "timestamp": _instant,
    "timestamp with time zone": _instant,
}
