"""The dashboard: its page, its own files and the JSON it asks for, below `/api/etl/dashboard`.

Each card has its own answer, so that a source that is away leaves the others as they are. Nothing here writes.
What Airflow knows (DAGs, runs) the page asks Airflow's public API for, with the reader's own rights.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timezone
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response

from include.core.domains import domains
from include.status import dashboard_database, dashboard_queues, dashboard_warehouse
from include.status.dashboard_ranges import DAYS, Span, span_of
from include.status.dashboard_sources import Answer, ask_source
from include.status.security import MAY_READ_LOGS, MAY_READ_RUNS, ReadableDags

if TYPE_CHECKING:
    from include.clients.postgres import Postgres


@asynccontextmanager
async def _warmed(_: object) -> AsyncIterator[None]:
    """Import the clients beside the start of the web server: the first reader would wait for them."""
    Thread(target=_import_clients, name="dashboard imports", daemon=True).start()
    yield


router = APIRouter(prefix="/dashboard", tags=["dashboard"], include_in_schema=False, lifespan=_warmed)
"""Part of the app in `app.py`, whose every route needs a signed-in user."""
_STATIC = Path(__file__).with_name("static")
_KINDS = {"": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    # no script or style but our own files, no other host, in a frame of the same host only
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def span_asked(days: Annotated[int, Query()] = 30) -> Span:
    """Return the stretch that the page shows; 422 for one that there is not."""
    if days not in DAYS:
        raise HTTPException(422, f"days: {days} is none of {', '.join(map(str, DAYS))}")
    return span_of(days, datetime.now(timezone.utc))


@router.get("/")
def page() -> Response:
    """Return the page."""
    return asset("index.html")


@router.get("/cards/history", dependencies=[MAY_READ_RUNS])
def history(dags: ReadableDags, days: int = 30) -> Answer:
    """Return records and failures over time, by DAG."""
    span = span_asked(days)
    return _database(lambda postgres: dashboard_database.query_history(postgres, span, dags))


@router.get("/cards/failures", dependencies=[MAY_READ_RUNS, MAY_READ_LOGS])
def failures(dags: ReadableDags, days: int = 30) -> Answer:
    """Return the newest failed tries with what they said."""
    span = span_asked(days)
    return _database(lambda postgres: dashboard_database.query_failures(postgres, span, dags))


@router.get("/cards/quality", dependencies=[MAY_READ_RUNS])
def quality(dags: ReadableDags, days: int = 30) -> Answer:
    """Return the quality of each job's data."""
    span = span_asked(days)
    return _database(lambda postgres: dashboard_database.query_quality(postgres, span, dags))


@router.get("/cards/fundamentals", dependencies=[MAY_READ_RUNS])
def fundamentals(dags: ReadableDags) -> Answer:
    """Return how young the fundamentals are; nothing to who may read none of their DAGs."""
    if not any(dag.startswith("fundamentals_") for dag in dags):
        return {"available": True, "tables": []}
    return _database(dashboard_database.query_newest_data)


@router.get("/cards/loads", dependencies=[MAY_READ_RUNS])
def loads(dags: ReadableDags) -> Answer:
    """Return how young the warehouse's tables are, of the domains that the user may read."""
    names = [name for name in domains() if f"load_{name}" in dags]
    if not names:
        return {"available": True, "tables": []}
    return _warehouse(lambda warehouse: dashboard_warehouse.query_loads(warehouse, names))


@router.get("/cards/g1", dependencies=[MAY_READ_RUNS])
def g1(dags: ReadableDags) -> Answer:
    """Return the newest day of G1."""
    if "g1_metrics" not in dags:
        return {"available": False, "reason": "You may not read the DAG g1_metrics."}
    return _warehouse(dashboard_warehouse.query_g1)


@router.get("/cards/queues", dependencies=[MAY_READ_RUNS])
def queues(dags: ReadableDags) -> Answer:
    """Return how deep the queues are that belong to the user's DAGs."""

    def question() -> Answer:
        from include.orchestration import connections

        pairs = dashboard_queues.readable_queues(connections.settings().environment, dags)
        return dashboard_queues.query_queues(_sqs(), pairs)

    return ask_source(dashboard_queues.SOURCE, question)


@router.get("/{name}")
def asset(name: str) -> Response:
    """Return a file of the page."""
    if name not in _assets():
        raise HTTPException(404, "There is no such page.")
    path = _STATIC / name
    return Response(path.read_bytes(), media_type=_KINDS.get(path.suffix, "text/html"), headers=_HEADERS)


@cache
def _assets() -> frozenset[str]:
    return frozenset(path.name for path in _STATIC.iterdir() if path.is_file())


def _database(question: Any) -> Answer:
    return ask_source(dashboard_database.SOURCE, lambda: question(_postgres()))


@cache
def _postgres() -> Postgres:
    """Return the pool of this process."""
    from include.orchestration import connections

    return connections.fundamentals(connect_timeout=3)


@cache
def _sqs() -> Any:
    """Return the client of this process; one is safe for many threads and costs 0.1 s to make."""
    from include.orchestration import connections

    return connections.aws().client("sqs")


def _warehouse(question: Any) -> Answer:
    def asked() -> Answer:
        from include.orchestration import connections

        with connections.warehouse() as warehouse:
            answer: Answer = question(warehouse)
            return answer

    return ask_source(dashboard_warehouse.SOURCE, asked)


def _import_clients() -> None:
    for name in ("boto3", "psycopg_pool", "include.clients.postgres", "include.clients.warehouse.http"):
        with suppress(ImportError):
            import_module(name)
