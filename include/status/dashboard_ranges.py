"""Stretches of time that the dashboard shows, each in about thirty to fifty buckets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

_MONDAY = datetime(2000, 1, 3, tzinfo=timezone.utc)
_BUCKETS = {7: timedelta(hours=6), 30: timedelta(days=1), 90: timedelta(days=3), 364: timedelta(days=7)}
DAYS = tuple(_BUCKETS)
"""What may be asked for; 364 days are 52 whole weeks."""


@dataclass(frozen=True)
class Span:
    """A stretch that ends now; its buckets begin at whole days or weeks (UTC), the last one is still running."""

    since: datetime
    bucket: timedelta
    buckets: tuple[datetime, ...]

    @property
    def parameters(self) -> dict[str, object]:
        """Bind parameters of the statements."""
        return {"since": self.since, "bucket": self.bucket}


def span_of(days: int, now: datetime) -> Span:
    """Return the stretch of that many days, the bucket of `now` included; `days` is one of `DAYS`."""
    bucket = _BUCKETS[days]
    running = now - (now - _MONDAY) % bucket
    count = timedelta(days=days) // bucket
    buckets = tuple(running - bucket * back for back in range(count - 1, -1, -1))
    return Span(since=buckets[0], bucket=bucket, buckets=buckets)
