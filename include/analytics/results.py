"""A day's answers by query, and whether they are all of one and the same day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.core.errors import TerminalError

Rows = list[dict[str, Any]]


class DayMoved(TerminalError):
    """Events arrived, or partitions were added, while the day was read: the answers do not fit together."""


@dataclass(frozen=True)
class Results:
    """The rows of every query, by its name; column names are in lower case, as Athena has them."""

    rows: Mapping[str, Rows]

    def one(self, query: str) -> dict[str, Any]:
        """Return the only row of a query."""
        (row,) = self.rows[query]
        return row

    def total(self, query: str, column: str) -> int:
        """Return the sum of a column."""
        return sum(int(row[column] or 0) for row in self.rows[query])


def check_whole(results: Results) -> None:
    """Raise `DayMoved` where two queries saw different events of the day."""
    arrived = {
        "select_traffic": results.total("select_traffic", "traffic_per_min"),
        "select_throughput": results.total("select_throughput", "throughput_per_min"),
        "select_distribution": results.total("select_distribution", "total_count"),
        "select_hours": results.total("select_hours", "line_count"),
        "select_quality": results.total("select_quality", "line_count"),
    }
    happened = {
        "select_traffic_late_safe": results.total("select_traffic_late_safe", "traffic_per_min"),
        "select_distribution_late_safe": results.total("select_distribution_late_safe", "total_count"),
        "select_delay_late_safe": results.total("select_delay_late_safe", "total_count"),
        "select_delay_by_minute": results.total("select_delay_by_minute", "total_count"),
        "select_day_total": results.total("select_day_total", "request_count"),
    }
    total = results.one("select_day_total")
    doubled = results.rows["select_doubled_requests"]
    extra = {
        "select_day_total": total["total_count"] - total["request_count"],
        "select_doubled_requests": doubled[0]["extra_count"] if doubled else 0,
    }
    for counts in (arrived, happened, extra):
        if len(set(counts.values())) > 1:
            seen = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise DayMoved(
                f"The day changed while it was read ({seen}), so no evidence is written. Start another run of "
                "the day once its events have arrived."
            )
