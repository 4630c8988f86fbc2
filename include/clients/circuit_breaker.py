"""A circuit breaker that all workers share: after failures in a row nobody calls, then one tries.

The state is one DynamoDB item. Closed: `failures` in a row. Open: `opened_at` is set, and no call is made
for the cooldown; then exactly one worker wins the claim `trial_until` and calls. Its success closes the
circuit, its failure opens it anew, and if it dies the claim expires and the next worker may try.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from include.clients.shared_item import Item, SharedItem
from include.core.clock import utc_now
from include.core.errors import CircuitOpen

TRIAL_CLAIM = timedelta(minutes=2)
"""How long a trial call may take before another worker may make one."""
RECHECK = timedelta(seconds=1)
"""How long a circuit seen closed and without failures is taken to be so without asking again."""


@dataclass(frozen=True)
class _State:
    """The shared item as seen at `seen_at`; instants are epoch microseconds, 0: not set."""

    seen_at: datetime
    failures: int = 0
    opened_at: int = 0
    trial_until: int = 0

    @classmethod
    def of(cls, item: Item, seen_at: datetime) -> _State:
        return cls(seen_at, *(int(item.get(name, 0)) for name in ("failures", "opened_at", "trial_until")))


class CircuitBreaker:
    """Call `before_call`, then the source, then `succeeded` or `failed`, all in one thread.

    Which errors are failures of the source is the caller's decision: after an answer such as "unknown
    symbol" call `succeeded`, for the source did answer. Safe to share between threads.
    """

    def __init__(
        self,
        table: Any,
        source: str,
        *,
        threshold: int = 5,
        cooldown: timedelta = timedelta(hours=1),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`table`: the boto3 Table with key `id`. `threshold`: failures in a row that open the circuit."""
        self._item = SharedItem(table, f"breaker#{source}")
        self._source = source
        self._threshold = threshold
        self._cooldown = cooldown
        self._clock = clock
        self._known: _State | None = None
        self._trial = threading.local()

    def before_call(self) -> None:
        """Return if a call may be made, else raise `CircuitOpen` with the instant to try again.

        Raises `ServiceUnavailable` where the table does not answer.
        """
        self._trial.of = 0
        now = self._clock()
        known = self._known
        if known and not known.failures and not known.opened_at and now - known.seen_at < RECHECK:
            return
        self._known = known = _State.of(self._item.read(), now)
        if not known.opened_at:
            return
        retry_at = _instant(known.opened_at) + self._cooldown
        if now < retry_at:
            raise CircuitOpen(self._source, retry_at)
        self._claim_trial(known, now)

    def succeeded(self) -> None:
        """The source answered: a trial closes the circuit, any other call ends the row of failures.

        A call that began before the circuit opened does not close it.
        """
        trial = getattr(self._trial, "of", 0)
        if trial:
            self._item.change(
                "SET failures = :none REMOVE opened_at, trial_until",
                "opened_at = :trial",
                {":none": 0, ":trial": trial},
            )
        elif self._known is None or self._known.failures:
            self._item.change("SET failures = :none", "attribute_not_exists(opened_at)", {":none": 0})
        else:
            return
        self._trial.of = 0
        self._known = None

    def failed(self) -> None:
        """The source failed: count it, and open the circuit at the threshold or after a failed trial."""
        now = _micros(self._clock())
        trial = getattr(self._trial, "of", 0)
        self._trial.of = 0
        self._known = None
        if trial:
            self._item.change(
                "SET opened_at = :now REMOVE trial_until",
                "opened_at = :trial",
                {":now": now, ":trial": trial},
            )
            return
        before = self._item.change("ADD failures :one", "attribute_not_exists(opened_at)", {":one": 1})
        if before is not None and int(before.get("failures", 0)) + 1 >= self._threshold:
            self._item.change(
                "SET opened_at = :now",
                "attribute_not_exists(opened_at) AND failures >= :threshold",
                {":now": now, ":threshold": self._threshold},
            )

    def _claim_trial(self, known: _State, now: datetime) -> None:
        """Win the one trial call, or raise `CircuitOpen`."""
        moment = _micros(now)
        won = self._item.change(
            "SET trial_until = :until",
            "opened_at = :opened AND (attribute_not_exists(trial_until) OR trial_until <= :now)",
            {":until": moment + _micros_of(TRIAL_CLAIM), ":opened": known.opened_at, ":now": moment},
        )
        if won is None:
            claimed = max(known.trial_until, moment + _micros_of(RECHECK))
            raise CircuitOpen(self._source, _instant(claimed))
        self._trial.of = known.opened_at


def _micros_of(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _micros(instant: datetime) -> int:
    return _micros_of(instant - datetime(1970, 1, 1, tzinfo=timezone.utc))


def _instant(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=micros)
