"""One question to the warehouse of the environment's connection, and its answer as text."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from rich.table import Table

from include.core.errors import InvalidSettings

if TYPE_CHECKING:
    import pyarrow as pa

    from include.clients.postgres import PostgresAddress

CONNECTION = "AIRFLOW_CONN_CLICKHOUSE_DEFAULT"


def ask(statement: str) -> pa.Table:
    """Return the answer of the warehouse; our errors' messages are made one line."""
    from include.clients.warehouse import address_from, open_warehouse

    connection = _connection()
    address = address_from(
        connection.get("host"),
        connection.get("port"),
        connection.get("login"),
        connection.get("password"),
        connection.get("extra") or {},
    )
    return open_warehouse(address).query(statement)


def ask_fundamentals(address: PostgresAddress, statement: str) -> pa.Table:
    """Return the answer of the fundamentals database, which cannot change anything there."""
    import pyarrow as pa

    from include.clients.postgres import Postgres

    with Postgres(address) as database, database.connection() as connection:
        connection.read_only = True
        cursor = connection.execute(statement)
        names = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall() if names else []
    columns = [[_plain(row[name]) for row in rows] for name in names]
    return pa.table(dict(zip(names, (pa.array(column) for column in columns), strict=True)))


def _plain(value: Any) -> Any:
    """Return a JSON document as text: rows may have different ones in a column."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value


def _connection() -> dict[str, Any]:
    """Return the connection that the environment names, else the running local default's."""
    text = os.environ.get(CONNECTION)
    if not text:
        from devstack.stack import Stack

        text = Stack().environment()[CONNECTION]
    try:
        return parse_connection(text)
    except ValueError as error:
        raise InvalidSettings(f"{CONNECTION} is neither Airflow's JSON nor its URI form: {error}") from error


def parse_connection(text: str) -> dict[str, Any]:
    """Return host, port, login, password and extra of an Airflow connection given as JSON or as a URI."""
    if text.lstrip().startswith("{"):
        fields: dict[str, Any] = json.loads(text)
        extra = fields.get("extra")
        return {**fields, "extra": json.loads(extra) if isinstance(extra, str) and extra else extra or {}}
    parts = urlsplit(text)
    if not parts.hostname:
        raise ValueError("no host in it")
    return {
        "host": parts.hostname,
        "port": parts.port,
        "login": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "extra": dict(parse_qsl(parts.query)),
    }


def as_table(answer: pa.Table) -> Table:
    """Return the rows for a terminal."""
    table = Table(*answer.column_names, box=None, pad_edge=False)
    for row in answer.to_pylist():
        table.add_row(*("NULL" if value is None else _text(value) for value in row.values()))
    return table


def as_json(answer: pa.Table) -> str:
    """Return the rows as a JSON array of objects; dates and decimals as text."""
    return json.dumps(answer.to_pylist(), default=str, ensure_ascii=False, indent=2) + "\n"


def as_csv(answer: pa.Table) -> str:
    """Return the rows as CSV with a header; NULL is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(answer.column_names)
    for row in answer.to_pylist():
        writer.writerow("" if value is None else _text(value) for value in row.values())
    return text.getvalue()


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
