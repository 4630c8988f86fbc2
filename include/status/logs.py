"""A page of the log, and how many lines there are without counting them each time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection
from typing import Any

from include.status.database import query
from include.status.models import Level, LogLine, LogsResponse, Pagination

COUNT_AGAIN_SECONDS = 600.0
"""Lines that retention has deleted are still in the totals for this long at most."""
UNSETTLED = 10_000
"""The newest ids are counted at each request: a transaction that is not committed yet may have some of them."""
_PLACE = {"job_name": "job", "dag_id": "dagId", "run_id": "runId", "task_id": "taskId", "map_index": "mapIndex", "try_number": "tryNumber"}  # fmt: skip


class Totals:
    """Numbers of lines by job and level, kept for all ids up to a mark; only what came later is counted again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._settled: Counter[tuple[str, str]] = Counter()
        self._mark = 0
        self._counted_at: float | None = None

    def count(self, jobs: Collection[str], level: Level | None) -> int:
        """Return how many lines the jobs have, at the level or (None) at any."""
        newest = query("select_newest_log")[0]["newest"]
        with self._lock:
            now = time.monotonic()
            if (
                self._counted_at is None
                or now - self._counted_at > COUNT_AGAIN_SECONDS
                or newest < self._mark
            ):
                self._settled, self._mark, self._counted_at = Counter(), 0, now
            if newest - UNSETTLED > self._mark + UNSETTLED or self._mark == 0 < newest - UNSETTLED:
                self._settled.update(_counted(self._mark, newest - UNSETTLED))
                self._mark = newest - UNSETTLED
            settled, mark = Counter(self._settled), self._mark
        settled.update(_counted(mark, newest))
        return sum(
            lines for (job, at), lines in settled.items() if job in jobs and (level is None or at == level)
        )


TOTALS = Totals()


def page_of(jobs: list[str], level: Level | None, *, page: int, limit: int) -> LogsResponse:
    """Return one page of the jobs' lines, the newest first."""
    rows = query("select_logs", jobs=jobs, level=level, first=(page - 1) * limit, count=limit)
    total = TOTALS.count(jobs, level)
    return LogsResponse(
        logs=[_line(row) for row in rows], pagination=Pagination(total=total, page=page, limit=limit)
    )


def _line(row: dict[str, Any]) -> LogLine:
    place = {ours: row[name] for name, ours in _PLACE.items() if row[name] is not None}
    return LogLine(
        timestamp=row["timestamp"],
        level=row["level"],
        message=row["message"],
        metadata=(row["metadata"] or {}) | place,
    )


def _counted(after: int, upto: int) -> Counter[tuple[str, str]]:
    rows = query("count_logs", after=after, upto=upto)
    return Counter({(row["job_name"], row["level"]): row["lines"] for row in rows})
