"""The statements of sql/athena and what is bound to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from include.analytics.config import Day

FOLDER = Path(__file__).parent / "sql" / "athena"
_WINDOW = ("day", "last_day", "start_ms", "end_ms")


@dataclass(frozen=True)
class Query:
    """One query: its task is named like its file."""

    name: str
    """Of the file, without `.sql`."""
    parameters: tuple[str, ...]
    """What is bound to its question marks, in order."""

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.name}.sql"

    @property
    def text(self) -> str:
        """The statement with its comment."""
        return (FOLDER / self.file).read_text()


SEED = (
    Query("select_traffic", ("day",)),
    Query("select_throughput", ("day",)),
    Query("select_distribution", ("day",)),
    Query("select_delay", ("day", "event")),
    Query("validate_negative_delay", ("day",)),
    Query("validate_missing_timestamp", ("day",)),
)
"""As seed 003 has them (10, 11): the day is that of arrival."""

LATE_SAFE = tuple(
    Query(f"{query.name}_late_safe", (*_WINDOW, "day") if query.name.endswith("timestamp") else _WINDOW)
    for query in SEED
)
"""The same questions, of the day on which things happened; the metrics count a request once."""

FURTHER = (
    Query("select_delay_by_minute", _WINDOW),
    Query("select_hours", ("day",)),
    Query("select_quality", ("end_ms", "day")),
    Query("select_faulty_requests", ("day", "last_day", "day", "start_ms", "end_ms")),
    Query("select_doubled_requests", _WINDOW),
)
BUSIEST = Query("select_events", ("day",))
PUBLISHED = Query("select_published_requests", ("day", "last_day"))
"""Its answer is no evidence: it is as long as the day has requests, and is held against the table of requests."""
TOTAL = Query("select_day_total", ("day", *_WINDOW))
"""Asked after all others, so that it tells whether events arrived while the day was read."""
QUERIES = (*SEED, *LATE_SAFE, *FURTHER, TOTAL)
"""Every query whose result becomes evidence."""


def bound_values(day: Day) -> dict[str, str]:
    """Return the literals that Athena binds, by parameter; all but `event`."""
    start, end = day.bounds_ms
    return {
        "day": quoted(day.dt.isoformat()),
        "last_day": quoted(day.last.isoformat()),
        "start_ms": str(start),
        "end_ms": str(end),
    }


def quoted(text: str) -> str:
    """Return a string as Athena's execution parameters want it: an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def render_create(bucket: str, *, projected: bool = False) -> str:
    """Return the table's DDL; the bucket's name must have been checked."""
    name = "create_participation_logs_projected" if projected else "create_participation_logs"
    return _render(name).replace("<bucket>", bucket)


def render_repair() -> str:
    """Return the statement that finds all partitions."""
    return _render("repair_participation_logs")


def render_partitions(bucket: str, days: Sequence[date]) -> str:
    """Return the statement that adds every hour of the days; the bucket's name must have been checked."""
    hours = [
        f"PARTITION (dt='{day}', hour='{hour:02d}') LOCATION 's3://{bucket}/events/dt={day}/hour={hour:02d}/'"
        for day in days
        for hour in range(24)
    ]
    return _render("add_day_partitions").replace("<partitions>", "\n".join(hours))


def _render(name: str) -> str:
    """Return a file's statement without its comment: DDL is parsed by Hive, which is less patient."""
    lines = (FOLDER / f"{name}.sql").read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))
