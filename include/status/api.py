"""`GET /status` and `GET /logs` (seed 004, "API Contracts")."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.exceptions import RequestValidationError

from include.core.clock import utc_now
from include.status.jobs import readable_jobs, status_of
from include.status.logs import page_of
from include.status.models import Level, LogsResponse, StatusResponse
from include.status.schedule import next_runs
from include.status.security import MAY_READ_LOGS, MAY_READ_RUNS, ReadableDags

UNAVAILABLE = {
    401: {"description": "Nobody is signed in"},
    403: {"description": "The user may not see this"},
    503: {"description": "The execution log's database cannot be read"},
}
router = APIRouter(responses={status: dict(said) for status, said in UNAVAILABLE.items()})


@router.get("/status", dependencies=[MAY_READ_RUNS], operation_id="getStatus")
def status(dags: ReadableDags, planned: Annotated[dict[str, datetime], Depends(next_runs)]) -> StatusResponse:
    """How every job is that the user may read: its last run, its next one, and what they make of the whole.

    `failed`: the last run of every job has failed. `degraded`: that of some. `healthy`: of none. Jobs that run at the
    moment, or have not run for 35 days, do not count.
    """
    return status_of(dags, planned, utc_now())


@router.get("/logs", dependencies=[MAY_READ_LOGS], operation_id="getLogs")
def logs(
    dags: ReadableDags,
    job: Annotated[
        str | None, Query(description="Name of a job; without it, all that the user may read")
    ] = None,
    level: Annotated[Level | None, Query(description="Only lines of this level")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Lines a page")] = 100,
    page: Annotated[int, Query(ge=1, le=1_000_000, description="From 1, the newest lines first")] = 1,
) -> LogsResponse:
    """What the tasks said, the newest line first. A job that is unknown to the user is answered 422."""
    jobs = list(readable_jobs(dags))
    if job is not None and job not in jobs:
        known = ", ".join(jobs) or "none yet"
        raise RequestValidationError(
            [{"type": "enum", "loc": ("query", "job"), "msg": f"Unknown job. Known: {known}", "input": job}]
        )
    return page_of(jobs if job is None else [job], level, page=page, limit=limit)
