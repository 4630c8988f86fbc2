"""What a metric's points of one period amount to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?|100)")


@dataclass(frozen=True)
class Point:
    """What was published at once: one value, a value seen `count` times, or a set of values."""

    at: float
    """Unix seconds."""
    total: float
    low: float
    high: float
    count: float = 1.0

    @classmethod
    def single(cls, at: float, value: float) -> Point:
        """Return the point of one value."""
        return cls(at=at, total=value, low=value, high=value)


def statistic(name: str, points: Sequence[Point]) -> float | None:
    """Return the statistic (`Sum`, `p95` …) of the points; None where they do not have it."""
    points = [point for point in points if point.count > 0]
    if not points:
        return None
    if name == "Minimum":
        return min(point.low for point in points)
    if name == "Maximum":
        return max(point.high for point in points)
    count, total = sum(point.count for point in points), sum(point.total for point in points)
    if name in ("SampleCount", "Sum", "Average"):
        return {"SampleCount": count, "Sum": total, "Average": total / count}[name]
    found = _PERCENTILE.fullmatch(name)
    return _percentile(points, float(found[1]) / 100) if found else None


def _percentile(points: Sequence[Point], share: float) -> float | None:
    """Return the value below which `share` of all values are, between two values in proportion."""
    if any(point.low != point.high for point in points):
        return None  # a set of different values does not say how they are distributed
    ordered = sorted(points, key=lambda point: point.low)
    rank = share * max(sum(point.count for point in ordered) - 1, 0)
    below = _at_rank(ordered, int(rank))
    return below + (rank - int(rank)) * (_at_rank(ordered, int(rank) + 1) - below)


def _at_rank(ordered: Sequence[Point], rank: int) -> float:
    seen = 0.0
    for point in ordered:
        seen += point.count
        if rank < seen:
            return point.low
    return ordered[-1].low
