"""Which problems of a DAG were told of: one DynamoDB item a DAG, changed by conditional writes.

However many runs and workers meet the same problem, one of them finds it new. A success ends them all, and one of the
successes finds that it did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.clients.shared_item import SharedItem
from include.core.clock import iso_utc, utc_now


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
        """Count a failed run; return whether its problem is new, which only one caller is told."""
        before = self._item.change(
            "ADD problems :problem, failed_runs :one SET since = if_not_exists(since, :now)",
            "attribute_not_exists(problems) OR NOT contains(problems, :name)",
            {":problem": {problem}, ":name": problem, ":one": 1, ":now": iso_utc(self._clock())},
        )
        if before is None:
            self._item.change("ADD failed_runs :one", "attribute_exists(since)", {":one": 1})
        return before is not None

    def forget(self, problem: str) -> None:
        """Have the next failed run tell of the problem: nobody heard of it this time."""
        self._item.change(
            "DELETE problems :problem", "contains(problems, :name)", {":problem": {problem}, ":name": problem}
        )

    def end(self) -> Trouble | None:
        """End all problems; return what was, to one caller, or None where nothing was wrong."""
        before = self._item.change(
            "REMOVE problems, failed_runs, since",
            "attribute_exists(since) AND failed_runs > :none",
            {":none": 0},
        )
        return Trouble(str(before["since"]), int(before["failed_runs"])) if before else None
