"""`tapeline sql`, `tapeline backup` and `tapeline restore`.

Of the databases that the environment's AIRFLOW_CONN_… name, else of the running local default's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from devstack.consoles import wide

if TYPE_CHECKING:
    from include.clients.postgres import PostgresAddress

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False)]


class ResultFormat(str, Enum):
    """How `tapeline sql` prints rows."""

    table = "table"
    json = "json"
    csv = "csv"


class Database(str, Enum):
    """What `tapeline sql` asks."""

    warehouse = "warehouse"
    fundamentals = "fundamentals"


def add_to(
    app: typer.Typer, people: Console, one_line_errors: Callable[[], AbstractContextManager[None]]
) -> None:
    """Add the commands."""

    @app.command()
    def sql(
        statement: Annotated[str, typer.Argument(help='For instance "SELECT count() FROM market.prices".')],
        result_format: Annotated[ResultFormat, typer.Option("--format")] = ResultFormat.table,
        database: Annotated[
            Database, typer.Option(help="ClickHouse, or PostgreSQL (which is only read).")
        ] = Database.warehouse,
    ) -> None:
        """Ask the warehouse of AIRFLOW_CONN_CLICKHOUSE_DEFAULT, else the local one; or the fundamentals database."""
        with one_line_errors():
            from devstack.question import as_csv, as_json, as_table, ask, ask_fundamentals

            is_warehouse = database is Database.warehouse
            answer = ask(statement) if is_warehouse else ask_fundamentals(fundamentals_address(), statement)
        if result_format is ResultFormat.table:
            wide(sys.stdout).print(as_table(answer))
        else:
            sys.stdout.write(as_json(answer) if result_format is ResultFormat.json else as_csv(answer))

    @app.command()
    def backup(file: FileArgument) -> None:
        """Write the fundamentals database to a file (pg_dump), while it is in use."""
        with one_line_errors():
            from include.clients.postgres import backup as backups

            address = fundamentals_address()
            size = backups.backup(address, file, local_tools())
        people.print(f"{address} is in {file}: {size:,} bytes.")

    @app.command()
    def restore(file: FileArgument) -> None:
        """Put a backup in the place of the fundamentals database; a broken one changes nothing."""
        with one_line_errors():
            from include.clients.postgres import backup as backups

            address = fundamentals_address()
            revision = backups.restore(address, file, local_tools())
        people.print(f"{address} is what {file} has, at revision {revision}.")


def fundamentals_address() -> PostgresAddress:
    """Return where the environment's connection says the database is, else the running local default's."""
    from include.clients.postgres.address import VARIABLE, parse_address

    text = os.environ.get(VARIABLE)
    if not text:
        from devstack.stack import Stack

        text = Stack().environment()[VARIABLE]
    return parse_address(text)


def local_tools() -> Path:
    """Return where the local PostgreSQL's own programs are."""
    from devstack.postgres import programs

    return programs()
