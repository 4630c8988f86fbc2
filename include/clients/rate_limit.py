"""A rate limit that all tasks of all runs on all machines share: the next free instant, in DynamoDB.

Requests are spaced, never bunched: each reserves the next free instant and moves it on by its spacing, so
no 60 seconds hold more slots than `per_minute`. A slot that its owner never uses (a crash) is lost, no
more. Workers' clocks should agree within a spacing or so (NTP does).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.clients.shared_item import Item, SharedItem
from include.core.clock import utc_now
from include.core.errors import InvalidSettings, ServiceUnavailable

SLOWEST = 1 / 16
"""The smallest share of the rate that 429 answers can bring about."""
RECOVERY_PER_MINUTE = 1 / 16
"""The share regained in a minute without a 429."""
_ONE_BURST = 1_000_000
"""Microseconds in which several 429 count as one: their requests were on the way together."""
_ATTEMPTS = 40
_MINUTE = 60_000_000


@dataclass(frozen=True)
class _State:
    """The shared item; instants are epoch microseconds."""

    next_free: int = 0
    limited_at: int = 0
    """When the source last answered 429; 0: never."""
    share: float = 1.0
    """The share of the rate allowed at `limited_at`."""

    @classmethod
    def of(cls, item: Item) -> _State:
        return cls(
            int(item.get("next_free", 0)),
            int(item.get("limited_at", 0)),
            int(item.get("share_micros", 1_000_000)) / 1e6,
        )

    def share_at(self, now: int) -> float:
        if not self.limited_at:
            return 1.0
        regained = max(0, now - self.limited_at) / _MINUTE * RECOVERY_PER_MINUTE
        return min(1.0, self.share + regained)


class RateLimit:
    """At most `per_minute` requests a minute to one source; safe to share between threads."""

    def __init__(
        self,
        table: Any,
        source: str,
        per_minute: float,
        *,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`table`: the boto3 Table with key `id`. Runs may differ in `per_minute`: each spaces its own."""
        if not per_minute > 0:
            raise InvalidSettings(f"The rate limit of {source} is {per_minute} a minute; it must be above 0.")
        self._item = SharedItem(table, f"rate#{source}")
        self._source = source
        self._per_minute = per_minute
        self._clock = clock
        self._sleep = sleep
        self._known = _State()

    def acquire(self) -> None:
        """Wait for the next free slot and take it."""
        wait = self.reserve()
        if wait > 0:
            self._sleep(wait)

    def reserve(self, n: int = 1) -> float:
        """Reserve `n` consecutive slots and return the seconds to wait for the first.

        Raises `ServiceUnavailable` where the table does not answer or too many others contend.
        """
        for attempt in range(_ATTEMPTS):
            now = self._now()
            known = self._known
            width = math.ceil(n * _MINUTE / (self._per_minute * known.share_at(now)))
            queued = known.next_free >= now
            before = self._queue(known, width, now) if queued else self._start(known, width, now)
            if before is not None:
                start = max(now, _State.of(before).next_free)
                self._known = _State(start + width, known.limited_at, known.share)
                return (start - now) / 1e6
            self._known = _State.of(self._item.read())
            self._back_off(attempt)
        raise self._contended()

    def slow_down(self) -> None:
        """Halve the shared rate, down to 1/16, because the source answered 429; it recovers by itself."""
        for attempt in range(_ATTEMPTS):
            self._known = known = _State.of(self._item.read())
            now = self._now()
            if known.limited_at and now - known.limited_at < _ONE_BURST:
                return
            share = max(SLOWEST, known.share_at(now) / 2)
            done = self._item.change(
                "SET limited_at = :now, share_micros = :share",
                "attribute_not_exists(limited_at) OR limited_at = :seen",
                {":now": now, ":share": round(share * 1e6), ":seen": known.limited_at},
            )
            if done is not None:
                self._known = _State(known.next_free, now, share)
                return
            self._back_off(attempt)
        raise self._contended()

    def _queue(self, known: _State, width: int, now: int) -> Item | None:
        """Take the slot after the last reserved one: atomic, so contenders need not try again."""
        return self._item.change(
            "SET next_free = next_free + :width",
            "next_free >= :now AND limited_at = :seen",
            {":width": width, ":now": now, ":seen": known.limited_at},
        )

    def _start(self, known: _State, width: int, now: int) -> Item | None:
        """Take the slot that is free now."""
        return self._item.change(
            "SET next_free = :after, limited_at = :seen",
            "(attribute_not_exists(next_free) OR next_free < :now) AND "
            "(attribute_not_exists(limited_at) OR limited_at = :seen)",
            {":after": now + width, ":now": now, ":seen": known.limited_at},
        )

    def _now(self) -> int:
        return round(self._clock().timestamp() * 1e6)

    def _back_off(self, attempt: int) -> None:
        if attempt >= 2:  # the first failure only means that we knew too little
            self._sleep(random.uniform(0, min(0.2, 0.002 * 2**attempt)))  # noqa: S311 - jitter, no secret

    def _contended(self) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"The rate limit of {self._source} was changed by others at each of {_ATTEMPTS} attempts; "
            "no request was made, it is tried again."
        )
