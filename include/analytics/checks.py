"""What is judged of a day: the seed's two validations (003 §11) and further checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from include.analytics.missing import Missing
from include.analytics.results import Results, Rows
from include.core.errors import TerminalError

DLQ_PERCENT = 5.0
"""More than this share by way of the dead-letter queue is a warning."""


class EventsInconsistent(TerminalError):
    """A validation that must be 0 is not."""


@dataclass(frozen=True)
class Check:
    """One judgement of the day."""

    name: str
    value: float
    outcome: str
    """`ok`, `warning` (shown only) or `failed` (the run fails, once the evidence is written)."""
    note: str


def judge_day(results: Results, *, is_over: bool, missing: Missing | None) -> list[Check]:
    """Return every check of the day.

    `is_over`: the day and the buffer after it had ended when it was read. `missing`: None where the table of
    requests was not asked.
    """
    quality, total = results.one("select_quality"), results.one("select_day_total")
    share = 100 * quality["dlq_count"] / quality["event_count"] if quality["event_count"] else 0.0
    hours = missing_hours(results.rows["select_hours"])
    gap = longest_gap(results.rows["select_traffic_late_safe"])
    checks = [
        *_validations(results),
        _warn("malformed_lines", quality["malformed_count"], "lines without a request: they do not parse"),
        _doubled(results.rows["select_doubled_requests"]),
        _warn(
            "dlq_percent",
            round(share, 2),
            f"came by way of the dead letters; more than {DLQ_PERCENT:g} warns",
            DLQ_PERCENT,
        ),
        _warn("ahead_events", quality["ahead_count"], "queued after the day's end by their clock"),
        _warn(
            "missing_hours", len(hours), f"hours without a line, between others: {', '.join(hours) or '-'}"
        ),
        Check("longest_gap_minutes", gap, "ok", "minutes without a request, between others"),
        Check("late_events", total["late_count"], "ok", "of the day, arrived on a later one"),
        _warn("unfinished_day", int(not is_over), "1: the day was still going on, so all figures are so far"),
    ]
    if missing is not None:
        note = "finished requests of the day without an event"
        checks.append(_warn("missing_events", missing.count, _named(note, missing.count, missing.named)))
    return checks


def validate_count(name: str, results: Results) -> int:
    """Return 0; raise `EventsInconsistent` naming the requests where the validation `name` is not 0 in any form."""
    counts = [check for check in _validations(results) if check.name.startswith(name)]
    if not any(check.value for check in counts):
        return 0
    found = [row for row in results.rows["select_faulty_requests"] if row["fault"] == name]
    requests = ", ".join(
        f"{row['requestid']} (queued {row['queuedat']}, started {row['startedat']}, finished {row['finishedat']})"
        for row in found
    )
    lines = results.one("select_quality")["malformed_count"]
    also = f" {lines} line(s) do not parse at all." if lines and name == "missing_timestamp" else ""
    raise EventsInconsistent(
        f"{', '.join(f'{check.name} = {check.value:g}' for check in counts)}; they must be 0. "
        f"Requests (at most 20): {requests or 'none with a name'}.{also} The report has the rest; mend the "
        "publisher, the evidence is kept as it is."
    )


def missing_hours(rows: Rows) -> list[str]:
    """Return the hours of arrival without a line that lie between hours with lines."""
    present = sorted(int(row["hour"]) for row in rows)
    return [f"{h:02d}" for h in range(present[0], present[-1]) if h not in present] if present else []


def longest_gap(rows: Rows) -> int:
    """Return the most minutes in a row without a request, between minutes with requests."""
    minutes: list[datetime] = sorted(row["min_time"] for row in rows)
    steps = (after - before for before, after in pairwise(minutes))
    return max((step // timedelta(minutes=1) - 1 for step in steps), default=0)


def failed(checks: Sequence[Check]) -> list[Check]:
    """Return the checks that fail the run."""
    return [check for check in checks if check.outcome == "failed"]


def _validations(results: Results) -> list[Check]:
    found = []
    for name in ("negative_delay", "missing_timestamp"):
        for suffix, which in (
            ("", "arrived on the day"),
            ("_late_safe", "of the day, whenever they arrived"),
        ):
            count = results.one(f"validate_{name}{suffix}")[f"{name}_count"]
            found.append(Check(f"{name}{suffix}", count, "failed" if count else "ok", which))
    return found


def _doubled(rows: Rows) -> Check:
    """Return the check of requests with more than one event; the metrics count each of them once."""
    count, extra = (rows[0]["doubled_count"], rows[0]["extra_count"]) if rows else (0, 0)
    note = (
        f"requests of the day with more than one event ({extra} beyond the first); late_safe counts each once"
    )
    return _warn("duplicate_events", count, _named(note, count, [row["requestid"] for row in rows]))


def _named(note: str, count: int, ids: Sequence[str]) -> str:
    if not ids:
        return note
    return f"{note}: {', '.join(ids)}{f' and {count - len(ids)} more' if count > len(ids) else ''}"


def _warn(name: str, value: float, note: str, limit: float = 0) -> Check:
    return Check(name, value, "warning" if value > limit else "ok", note)
