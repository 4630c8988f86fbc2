"""What a run of `g1_metrics` may be asked, and the day it is for: one model for the form and the check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from include.core.errors import InvalidRequest, InvalidSettings
from include.core.faults import fault_text
from include.core.settings import ParticipationSettings, Settings

TABLE = "participation_logs"
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,126}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]")


class MetricsRequest(BaseModel):
    """One run's request, checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    dt: date | None = None
    """Day (UTC) to measure. Left out: the last whole day before the run."""
    event_id: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """The event whose p95 delay the seed's query asks. Left out: the one with most requests. The report has all."""
    late_days: Annotated[int, Field(ge=0, le=3)] = 1
    """How many days after `dt` are read for events that arrived late."""
    repair: bool = False
    """Also find the partitions of all history (MSCK REPAIR TABLE); takes longer with every day there is."""
    use_projection: bool = False
    """Make the table with projected partitions. A table that exists is never changed: drop it first."""


@dataclass(frozen=True)
class Day:
    """The day that is measured, UTC, and the days on which its events may arrive."""

    dt: date
    late_days: int

    @property
    def last(self) -> date:
        """The last day that is read."""
        return self.dt + timedelta(days=self.late_days)

    @property
    def arrivals(self) -> list[date]:
        """Every day that is read."""
        return [self.dt + timedelta(days=n) for n in range(self.late_days + 1)]

    @property
    def bounds_ms(self) -> tuple[int, int]:
        """Milliseconds since 1970 of the day's start and of the next day's."""
        midnight = datetime(self.dt.year, self.dt.month, self.dt.day, tzinfo=timezone.utc)
        start = int(midnight.timestamp()) * 1000
        return start, start + 86_400_000


def validate_metrics(conf: object) -> MetricsRequest:
    """Return the checked request; raise `InvalidRequest` with every fault."""
    if not isinstance(conf, Mapping):
        raise InvalidRequest([f"the configuration is a {type(conf).__name__}, not a JSON object"])
    try:
        return MetricsRequest.model_validate({key: value for key, value in conf.items() if value is not None})
    except ValidationError as error:
        raise InvalidRequest([fault_text(fault, MetricsRequest) for fault in error.errors()]) from error


def day_of(request: MetricsRequest, run_after: datetime, now: datetime) -> Day:
    """Return the day that is asked; one that has not begun is refused.

    Not asked: a logical date at midnight UTC names its day (`airflow dags test g1_metrics 2026-01-04`); any
    other instant means the last whole day before it.
    """
    instant = run_after.astimezone(timezone.utc)
    named = instant.time().replace(tzinfo=None) == time(0)
    dt = request.dt or (instant.date() if named else instant.date() - timedelta(days=1))
    if dt > now.astimezone(timezone.utc).date():
        raise InvalidRequest([f"dt: {dt} has not begun; it is {now:%Y-%m-%d %H:%M} UTC"])
    return Day(dt, request.late_days)


def participation_of(settings: Settings) -> ParticipationSettings:
    """Return the resources to ask, their names checked: they become part of statements."""
    found = settings.participation
    if found is None:
        raise InvalidSettings(
            "The Variable tapeline_settings has no `participation`: deploy the stacks participation and lake, "
            "and set it from their outputs."
        )
    for name, pattern in (("database", _IDENTIFIER), ("events_bucket", _BUCKET)):
        if not pattern.fullmatch(getattr(found, name)):
            raise InvalidSettings(f"participation.{name} = {getattr(found, name)!r} is no valid name")
    return found
