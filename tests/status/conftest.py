"""An execution log with a known history, and the app of `/api/etl` in this process with a user's rights as given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from devstack.stack import Stack
from include.clients.postgres import Postgres, PostgresAddress
from include.orchestration.execution_log.entries import entry_ended, entry_started
from include.orchestration.execution_log.records import Book
from include.orchestration.execution_log.store import write_entries
from tests.status.log_database import connection_to, make_database, make_try

NOW = datetime.now(timezone.utc)
Ask = Callable[..., httpx.Response]


def fill(address: PostgresAddress) -> None:
    """A DAG whose last run succeeded after one that failed, one whose last run failed, and a job of two DAGs."""
    entries: list[Any] = []

    def ran(dag_id: str, status: str, hours_ago: float, job: str | None = None, **named: Any) -> None:
        begin = NOW - timedelta(hours=hours_ago)
        state = {"completed": "success", "failed": "failed", "running": None}[status]
        ti = make_try(
            dag_id=dag_id, run_id=f"run-{hours_ago}", start_date=begin, end_date=begin if state else None,
            state=state, **named,
        )  # fmt: skip
        entries.append(entry_started(ti, job or dag_id))
        if state:
            error = "ValueError: no" if status == "failed" else None
            book = Book(processed=1, reported=True, metadata={"source": "test"})
            entries.append(entry_ended(ti, job or dag_id, status, book=book, error=error))

    ran("status_prices", "failed", 48)
    ran("status_prices", "failed", 24)  # the first try …
    ran("status_prices", "completed", 24, try_number=2)  # … is not the last word
    ran("status_loads", "completed", 3)
    ran("status_loads", "completed", 2, task_id="check")
    ran("status_loads", "failed", 2)
    ran("weekly", "completed", 5, job="load_symbols")
    ran("by_hand", "running", 1, job="load_symbols")
    write_entries(connection_to(address), entries)


@pytest.fixture(scope="session")
def log_address(stack: Stack) -> PostgresAddress:
    """A database with the history of `fill`."""
    address = make_database(stack)
    fill(address)
    return address


@pytest.fixture
def ask(log_address: PostgresAddress, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Return a function that asks the app as a user who may read the DAGs `dags`."""
    from airflow.api_fastapi.core_api.security import get_user

    from include.status import database, logs, security
    from include.status.app import status_app
    from include.status.schedule import next_runs

    pool = Postgres(log_address)
    monkeypatch.setattr(database, "_pool", pool)
    monkeypatch.setattr(logs, "TOTALS", logs.Totals())
    app = status_app()
    planned = {"status_prices": NOW + timedelta(hours=1), "weekly": NOW + timedelta(days=3)}

    def ask(path: str, dags: tuple[str, ...] = ("status_prices", "status_loads", "weekly", "by_hand"), **params: Any) -> httpx.Response:  # fmt: skip
        app.dependency_overrides = {
            get_user: lambda: None,
            security.MAY_READ_RUNS.dependency: lambda: None,
            security.MAY_READ_LOGS.dependency: lambda: None,
            security.readable_dags: lambda: sorted(dags),
            next_runs: lambda: planned,
        }
        return asyncio.run(_get(app, path, params))

    yield ask
    app.dependency_overrides = {}
    pool.close()


async def _get(app: Any, path: str, params: dict[str, Any]) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://status") as client:
        return await client.get(path, params=params)
