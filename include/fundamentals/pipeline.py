"""From the registry to tasks: each job is a group of three, after the groups of those that it depends on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import TaskGroup

from include.fundamentals import tasks
from include.fundamentals.jobs import Job


def build_jobs(jobs: Sequence[Job]) -> None:
    """Add the tasks of the jobs; a dependency that is not among them is taken as done.

    A job waits only for those that it depends on: one that fails holds up no other.
    """
    resolved = tasks.resolve_request([job.name for job in jobs])
    ends: dict[str, Any] = {}
    for job in jobs:
        with TaskGroup(job.name, tooltip=job.module):
            first, ends[job.name] = _add_job(job, resolved)
        for name in job.dependencies:
            if name in ends:
                ends[name] >> first


def _add_job(job: Job, resolved: Any) -> tuple[Any, Any]:
    """Add the tasks of one job; return the first and the last."""
    common: dict[str, Any] = {
        "retries": job.retries,
        "execution_timeout": timedelta(minutes=job.timeout),
    }
    entry = job.model_dump(mode="json")
    chunks: Any = tasks.plan_chunks.override(**common)(entry, resolved)
    load = tasks.load_chunk.override(pool=job.pool, **common)
    loaded = load.partial(job=entry, resolved=resolved).expand(chunk=chunks)
    return chunks, tasks.validate_quality.override(**common)(entry, chunks, loaded)
