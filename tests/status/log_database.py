"""A database of the test's own on the local PostgreSQL, and tries of tasks as Airflow would tell of them."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from devstack.databases import ensure_database
from devstack.stack import Stack
from include.clients.postgres import Postgres, PostgresAddress
from include.clients.postgres.migrate import migrate

BEGIN = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)


def make_database(stack: Stack) -> PostgresAddress:
    """Make an empty database with our tables, and return where it is."""
    port, name = stack.supervisor.port("postgres"), f"log_{uuid.uuid4().hex[:12]}"
    ensure_database(stack.home, port, name)
    address = PostgresAddress(
        host="127.0.0.1", port=port, database=name, user="postgres", password=stack.home.secret("postgres")
    )
    migrate(address)
    return address


def connection_to(address: PostgresAddress) -> Any:
    """Return the Airflow connection that means the address."""
    return SimpleNamespace(
        host=address.host, port=address.port, schema=address.database, login=address.user,
        password=address.password, extra_dejson={},
    )  # fmt: skip


def make_try(task_id: str = "load", *, minutes: float = 0, state: str | None = None, **named: Any) -> Any:
    """Return a try of a task that begins `minutes` after BEGIN and, where it has ended, takes one minute."""
    begin = BEGIN + timedelta(minutes=minutes)
    known = {
        "dag_id": "prices", "run_id": "run-1", "task_id": task_id, "map_index": -1, "try_number": 1,
        "start_date": begin, "end_date": begin + timedelta(minutes=1) if state else None, "state": state,
        "rendered_map_index": None, "hostname": "worker-1", "log_url": "http://airflow/log",
    }  # fmt: skip
    return SimpleNamespace(**{**known, **named})


def executions(database: Postgres) -> dict[str, dict[str, Any]]:
    """Return all rows of executions by `task_id/try`."""
    rows = database.query("SELECT * FROM etl_executions ORDER BY id")
    return {f"{row['task_id']}/{row['try_number']}": row for row in rows}


def lines(database: Postgres) -> list[str]:
    """Return the log, each line as `level message`."""
    return [
        f"{row['level']} {row['message']}" for row in database.query("SELECT * FROM etl_logs ORDER BY id")
    ]
