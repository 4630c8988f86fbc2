"""The FastAPI app at `/api/etl` of Airflow's web server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from fastapi import FastAPI

from include.status import api, dashboard
from include.status.security import SIGNED_IN

PREFIX = "/api/etl"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Share Airflow's auth manager with this app; Airflow's own dependencies look for it there."""
    app.state.auth_manager = get_auth_manager()
    yield


@cache
def status_app() -> FastAPI:
    """Return the app, one a process; each route needs a signed-in user, its description too.

    FastAPI's own pages for the description are off, since dependencies of the app do not cover them.
    """
    app = FastAPI(
        title="Tapeline status",
        description="How every pipeline is, and what it said. Read-only.",
        version="1",
        lifespan=lifespan,
        dependencies=[SIGNED_IN],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        servers=[{"url": PREFIX}],
    )
    app.include_router(api.router)
    app.include_router(dashboard.router)

    @app.get("/openapi.json", include_in_schema=False)
    def describe() -> dict[str, Any]:
        """Return the description of this API (OpenAPI)."""
        return app.openapi()

    return app
