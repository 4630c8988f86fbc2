"""How good a job's data was (seed 004, "Data Quality Metrics"): stored first, judged afterwards.

| limit | what is over it |
| --- | --- |
| `MAX_INVALID` | records that were refused, of all that the source gave |
| `MAX_FAILED` | symbols that failed, of all that were looked at |
| `MAX_EMPTY` | symbols for which the source had nothing new, although a session was expected |
"""

from __future__ import annotations

from datetime import datetime, time, timezone

from include.clients.postgres import Postgres
from include.core.errors import QualityBelowThreshold, TooManyFailures
from include.fundamentals.run import ChunkResult
from include.fundamentals.statements import statement

MAX_INVALID = 0.05
MAX_FAILED = 0.05
MAX_EMPTY = 0.20
FEW = 1
"""So many records or symbols may be bad whatever the share, unless it is all there are: one of three is no sign."""


def add_up(results: list[ChunkResult]) -> ChunkResult:
    """Return what all chunks came to together."""
    total = ChunkResult()
    for result in results:
        total = total.add(result)
    return total


def write_quality(
    database: Postgres, result: ChunkResult, *, job: str, dag_id: str, run_id: str, now: datetime
) -> None:
    """Write a job's metrics in place of those of an earlier attempt of the same run."""
    place = {"job_name": job, "dag_id": dag_id, "run_id": run_id}
    newest = result.freshness
    values = {
        **place,
        "measured_at": now,
        "total_records": result.total,
        "valid_records": result.valid,
        "invalid_records": result.invalid,
        "missing_fields": [f"{name} ({count})" for name, count in sorted(result.missing_fields.items())],
        "duplicate_records": result.duplicates,
        "data_freshness": datetime.combine(newest, time(0), tzinfo=timezone.utc) if newest else None,
    }
    with database.connection() as connection:
        connection.execute(statement("delete_quality"), place)
        connection.execute(statement("insert_quality"), values)


def validate_result(job: str, result: ChunkResult, *, lost_chunks: int) -> None:
    """Raise `TooManyFailures` or `QualityBelowThreshold` where a limit is passed or a chunk failed as a whole."""
    if lost_chunks:
        raise TooManyFailures(
            f"{job}: {lost_chunks} chunk(s) failed as a whole and left their tables as they were; the others are "
            "loaded. Their logs say why; clear them once the cause is mended."
        )
    for count, limit, what in (
        (result.failed_symbols, MAX_FAILED, "failed"),
        (result.empty_symbols, MAX_EMPTY, "had nothing new"),
    ):
        if _is_over(count, result.symbols, limit):
            names = ", ".join(f"{symbol} ({error})" for symbol, error in result.failures.items())
            raise TooManyFailures(
                f"{job}: {count} of {result.symbols} symbols {what} ({count / result.symbols:.1%}, allowed "
                f"{limit:.0%}){f': {names}' if names else ''}. The others are loaded; run the job again once the "
                "cause is mended: it asks only for what is missing."
            )
    if _is_over(result.invalid, result.total, MAX_INVALID):
        reasons = ", ".join(f"{name} {count}" for name, count in result.reasons.items())
        raise QualityBelowThreshold(
            f"{job}: {result.invalid} of {result.total} records were refused ({result.invalid / result.total:.1%}, "
            f"allowed {MAX_INVALID:.0%}): {reasons}. The good ones are loaded; the metrics are stored."
        )


def _is_over(count: int, total: int, limit: float) -> bool:
    return count > limit * total and (count > FEW or count == total)
