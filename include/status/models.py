"""The answers, exactly as seed 004 "API Contracts" has them: camelCase, instants in ISO 8601, UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

Overall = Literal["healthy", "degraded", "failed"]
JobState = Literal["success", "failed", "running"]
Level = Literal["info", "warn", "error"]


class ApiModel(BaseModel):
    """snake_case here, camelCase on the wire."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        serialize_by_alias=True,
    )


class JobStatus(ApiModel):
    """One job as its last run left it."""

    name: str
    """A job of the registry, or else a DAG."""
    status: JobState
    """`failed` as soon as one task of the run has failed for good, `running` while none has and some run."""
    last_run: datetime
    """When the first task of its last run began."""
    next_run: datetime | None
    """When Airflow will start it; null where nothing is planned (no schedule, or the DAG is paused)."""


class StatusResponse(ApiModel):
    """How everything is that the caller may see."""

    overall_status: Overall
    last_execution: datetime | None
    """The newest `lastRun`; null where nothing ever ran."""
    next_execution: datetime | None
    """The soonest `nextRun`; null where nothing is planned."""
    jobs: list[JobStatus]
    """By name; a job that never ran is not among them."""


class LogLine(ApiModel):
    """One line of the log."""

    timestamp: datetime
    level: Level
    message: str
    metadata: dict[str, Any] | None = None
    """What the task said besides, and which job and try of which task it was."""


class Pagination(ApiModel):
    """Where in the whole this page is."""

    total: int
    """Lines of all pages."""
    page: int
    """From 1."""
    limit: int
    """Lines a page."""


class LogsResponse(ApiModel):
    """A page of the log, the newest line first."""

    logs: list[LogLine]
    pagination: Pagination
