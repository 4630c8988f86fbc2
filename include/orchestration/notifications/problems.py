"""Which problems of a DAG were told of: one DynamoDB item a DAG, changed by conditional writes.

However many runs and workers meet the same problem, one of them finds it new. A success ends them all, and one of the
successes finds that it did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from include.clients.shared_item import SharedItem
from include.core.clock import iso_utc, utc_now

CLAIM = timedelta(minutes=5)
"""How long who is to tell of a problem may take before another may."""


@dataclass(frozen=True)
class Trouble:
    """What a DAG has gone through when it works again."""

    since: str
    """ISO 8601 UTC of the first failed run."""
    failed_runs: int


class Problems:
    """The problems of one DAG that were told of and are not over."""

    def __init__(self, table: Any, dag_id: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        """`table`: the boto3 Table with key `id`."""
        self._item = SharedItem(table, f"problems#{dag_id}")
        self._clock = clock

    def begin(self, problem: str) -> bool:
        """Count a failed run; return whether the caller is to tell of its problem, as only one is.

        Whoever is to tell says `told` or `forget` afterwards. Where it died, the next failed run tells.
        """
        now = self._clock()
        claim = _claim(problem)
        before = self._item.change(
            f"SET {claim} = :until, since = if_not_exists(since, :since) ADD failed_runs :one",
            "(attribute_not_exists(problems) OR NOT contains(problems, :problem)) "
            f"AND (attribute_not_exists({claim}) OR {claim} < :now)",
            {
                ":problem": problem, ":one": 1, ":since": iso_utc(now),
                ":now": int(now.timestamp()), ":until": int((now + CLAIM).timestamp()),
            },
        )  # fmt: skip
        if before is None:
            self._item.change("ADD failed_runs :one", "attribute_exists(since)", {":one": 1})
        return before is not None

    def told(self, problem: str) -> None:
        """Have no further run tell of the problem."""
        self._item.change(
            f"ADD problems :problem REMOVE {_claim(problem)}",
            "attribute_exists(since) AND failed_runs > :none",
            {":problem": {problem}, ":none": 0},
        )

    def forget(self, problem: str) -> None:
        """Have the next failed run tell of the problem: nobody heard of it this time."""
        claim = _claim(problem)
        self._item.change(f"REMOVE {claim}", f"{claim} > :none", {":none": 0})

    def end(self) -> Trouble | None:
        """End all problems; return what was, to one caller, or None where nothing was wrong."""
        before = self._item.change(
            "REMOVE problems, failed_runs, since",
            "attribute_exists(since) AND failed_runs > :none",
            {":none": 0},
        )
        return Trouble(str(before["since"]), int(before["failed_runs"])) if before else None


def _claim(problem: str) -> str:
    """Return the attribute that says until when somebody is telling of the problem."""
    return f"claim_{hashlib.sha256(problem.encode()).hexdigest()[:16]}"
