"""Which jobs there are for a user, how their last runs went, and what that makes of the whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from include.status.database import query
from include.status.models import JobStatus, Overall, StatusResponse

FORGOTTEN = timedelta(days=35)
"""A failure older than this, of a job that was not run since, no longer colours the whole."""


def readable_jobs(dags: Collection[str]) -> dict[str, list[str]]:
    """Return each job's DAGs, for the jobs that the user may read: those of whose DAGs none is closed to them."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in query("select_jobs"):
        found[row["job_name"]].append(row["dag_id"])
    return {job: names for job, names in sorted(found.items()) if set(names) <= set(dags)}


def status_of(dags: Collection[str], next_runs: Mapping[str, datetime], now: datetime) -> StatusResponse:
    """Return the status of what the user may read; `next_runs` by DAG."""
    jobs = readable_jobs(dags)
    pairs = [(job, dag) for job, names in jobs.items() for dag in names]
    rows = query("select_last_runs", jobs=[job for job, _ in pairs], dags=[dag for _, dag in pairs])
    listed = [
        _job_status(row, [next_runs[dag] for dag in jobs[row["job_name"]] if dag in next_runs])
        for row in rows
    ]
    return StatusResponse(
        overall_status=overall_status(listed, now),
        last_execution=max((job.last_run for job in listed), default=None),
        next_execution=min((job.next_run for job in listed if job.next_run), default=None),
        jobs=listed,
    )


def overall_status(jobs: Collection[JobStatus], now: datetime) -> Overall:
    """Return `failed` where the last run of every job has failed, `degraded` where that of some, else `healthy`.

    A job that runs at the moment and has not failed yet counts neither way, and neither does one that has not run for
    35 days. Where nothing counts, all is healthy.
    """
    judged = [job for job in jobs if job.status != "running" and now - job.last_run <= FORGOTTEN]
    failed = [job for job in judged if job.status == "failed"]
    if not failed:
        return "healthy"
    return "failed" if len(failed) == len(judged) else "degraded"


def _job_status(row: dict[str, Any], planned: list[datetime]) -> JobStatus:
    return JobStatus(
        name=row["job_name"],
        status=row["status"],
        last_run=row["last_run"],
        next_run=min(planned, default=None),
    )
