"""What is written down: entries made of Airflow's task instances, whichever process has them.

A task process has the SDK's `RuntimeTaskInstance`, scheduler and API server have rows of the metadata database;
both have the names used here. Entries are plain values, so that another thread can write them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from include.core.clock import utc_now
from include.orchestration.execution_log.records import Book, Quality

TEXT_LIMIT = 2000
"""Characters kept of an error; the whole of it is in Airflow's log of the task."""
STATUS = {
    "running": "running",
    "success": "completed",
    "failed": "failed",
    "upstream_failed": "failed",
    "up_for_retry": "failed",
    "skipped": "skipped",
}
"""Airflow's states as ours; a task in any other state has not ended, or is no more."""
LOST = "ended without a word: its process was killed, or its machine is gone; see the log of the task"
UNTOLD = {
    "failed": LOST,
    "upstream_failed": "was not run: a task before it failed",
    "up_for_retry": LOST,
}


@dataclass(frozen=True)
class Line:
    """One line of the log."""

    level: str
    """`info`, `warn` or `error`."""
    message: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """What one event says of one try of one task; `row` has the names of `upsert_execution.sql`."""

    row: dict[str, Any]
    metadata: dict[str, Any]
    lines: list[Line]
    at: datetime
    quality: list[Quality] = field(default_factory=list)


@dataclass(frozen=True)
class RunEnd:
    """What Airflow says of all tasks of a run that has ended; `rows` as in `reconcile_run.sql`."""

    dag_id: str
    run_id: str
    rows: list[dict[str, Any]]
    at: datetime


def entry_started(ti: Any, job: str) -> Entry:
    """Return the entry of a task that has begun, or goes on after it was deferred."""
    message = f"{_label(ti)} started, try {ti.try_number}"
    return Entry(_row(ti, job, "running"), metadata_of(ti), [Line("info", message)], utc_now())


def entry_ended(ti: Any, job: str, status: str, *, book: Book, error: str | None = None) -> Entry:
    """Return the entry of a try that has ended as `completed`, `failed` or `skipped`."""
    now = utc_now()
    row = _row(ti, job, status) | {"end_time": getattr(ti, "end_date", None) or now, "error": error}
    if book.reported:
        row |= {"processed": book.processed, "failed": book.failed}
    lines = [_quality_line(ti, measured) for measured in book.quality]
    lines.append(_end_line(ti, status, row, book, error))
    return Entry(row, metadata_of(ti) | book.metadata, lines, now, book.quality)


def run_ended(dag_id: str, run_id: str, tasks: Iterable[Any], jobs: Any) -> RunEnd:
    """Return what is known of a run's tasks; those that have not ended are left out."""
    rows = []
    for ti in tasks:
        state = _state(ti)
        status = STATUS.get(state)
        if status in (None, "running"):
            continue
        rows.append(
            {
                "task_id": ti.task_id,
                "map_index": ti.map_index,
                "try_number": ti.try_number,
                "job_name": jobs(dag_id, ti.task_id),
                "start_time": _iso(ti.start_date),
                "end_time": _iso(ti.end_date),
                "status": status,
                "error": UNTOLD.get(state),
                "metadata": metadata_of(ti) | {"reconciled": True, "airflow_state": state},
            }
        )
    return RunEnd(dag_id, run_id, rows, utc_now())


def metadata_of(ti: Any) -> dict[str, Any]:
    """Return what is worth knowing of a try: map label, run type, host, URI of the log; nothing that is unknown."""
    context = getattr(ti, "_ti_context_from_server", None)
    run = context.dag_run if context else _known(ti, "dag_run")
    run_type = _known(run, "run_type")
    found = {
        "map_label": getattr(ti, "rendered_map_index", None),
        "try": ti.try_number,
        "run_type": str(getattr(run_type, "value", run_type)) if run_type else None,
        "host": _known(ti, "hostname"),
        "log": _known(ti, "log_url"),
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def error_text(error: str | BaseException | None) -> str | None:
    """Return an error as one text, without any secret that Airflow knows in this process."""
    if error is None:
        return None
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    from airflow.sdk.log import redact

    return str(redact(text))[:TEXT_LIMIT]


def _known(thing: Any, name: str) -> Any:
    """Return an attribute, or None where it is absent or can no longer be loaded (a row without its session)."""
    try:
        return getattr(thing, name, None)
    except Exception:
        return None


def _row(ti: Any, job: str, status: str) -> dict[str, Any]:
    return {
        "dag_id": ti.dag_id,
        "run_id": ti.run_id,
        "task_id": ti.task_id,
        "map_index": -1 if ti.map_index is None else ti.map_index,
        "try_number": ti.try_number,
        "job_name": job,
        "start_time": ti.start_date or utc_now(),
        "end_time": None,
        "status": status,
        "processed": None,
        "failed": None,
        "error": None,
    }


def _label(ti: Any) -> str:
    index = ti.map_index
    if index is None or index < 0:
        return str(ti.task_id)
    return f"{ti.task_id}[{getattr(ti, 'rendered_map_index', None) or index}]"


def _end_line(ti: Any, status: str, row: dict[str, Any], book: Book, error: str | None) -> Line:
    label, seconds = _label(ti), max((row["end_time"] - row["start_time"]).total_seconds(), 0)
    if status == "failed":
        again = _state(ti) == "up_for_retry"
        what = "failed and will be tried again" if again else "failed"
        return Line(
            "warn" if again else "error", f"{label} {what}: {error or 'no reason given'}", book.metadata
        )
    if status == "skipped":
        return Line("info", f"{label} skipped", book.metadata)
    counts = f": {book.processed} processed, {book.failed} failed" if book.reported else ""
    return Line(
        "warn" if book.failed else "info", f"{label} completed in {seconds:.1f} s{counts}", book.metadata
    )


def _quality_line(ti: Any, measured: Quality) -> Line:
    bad = measured.total - measured.valid
    facts = {"duplicates": measured.duplicates, "missing_fields": list(measured.missing_fields)}
    return Line(
        "warn" if bad or measured.duplicates else "info",
        f"{_label(ti)} quality: {measured.valid} of {measured.total} records valid, {bad} invalid, "
        f"{measured.duplicates} duplicate",
        facts,
    )


def _state(ti: Any) -> str:
    return str(getattr(ti.state, "value", ti.state))


def _iso(instant: datetime | None) -> str | None:
    return instant.astimezone(timezone.utc).isoformat() if instant else None
