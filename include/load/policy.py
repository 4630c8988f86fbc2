"""Which error is tried how often, and what its letter says: seed 002, "Error Codes" and "Retry Policy".

docs/adr/0014 says what the seed leaves open.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from include.core import errors

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Rule:
    """How one kind of error is handled."""

    code: str
    attempts: int = 1
    """How often the work is tried, the first time included."""
    delays: tuple[float, ...] = ()
    """Seconds between two attempts; one less than attempts."""


_TIMEOUT = Rule("E004", 3, (2, 4))
_UNAVAILABLE = Rule("E005", 3, (2, 4))
_MEMORY = Rule("E006", 2, (5,))

RULES: list[tuple[type[Exception], Rule]] = [
    (errors.InvalidMessage, Rule("E001")),
    (errors.UnsupportedFormat, Rule("E002")),
    (errors.ObjectCorrupt, Rule("E003")),
    (errors.SchemaMismatch, Rule("E003")),
    (errors.StatementFailed, Rule("E003")),
    (errors.WarehouseTimeout, _TIMEOUT),
    (errors.WarehouseOutOfMemory, _MEMORY),
    (MemoryError, _MEMORY),
    (errors.ObjectMissing, Rule("E007")),
    (errors.CredentialsMissing, Rule("E008")),
    # the warehouse, the object store, and an object that does not come to rest
    (errors.TransientError, _UNAVAILABLE),
    # a fault of ours: one file must not keep the others from being loaded
    (Exception, Rule("E009")),
]
"""The first that fits is the one."""


def rule_of(error: Exception) -> Rule:
    """Return the rule of an error."""
    return next(rule for kind, rule in RULES if isinstance(error, kind))


@dataclass(frozen=True)
class Failure:
    """The last error of work that is given up, and how often it was tried."""

    error: Exception
    attempts: int


def in_rounds(
    items: Sequence[T],
    attempt: Callable[[Sequence[T], Mapping[T, Exception]], Mapping[T, Exception]],
    sleep: Callable[[float], None],
) -> dict[T, Failure]:
    """Try all items, and those that failed again, as often as their errors' rules say; return the failures.

    `attempt` gets the items and the errors of their last attempt and returns the errors of this one. Items wait
    for their next attempt together: a hundred of them take no longer than one.
    """
    failures: dict[T, Failure] = {}
    pending, last, number = list(items), dict[T, Exception](), 0
    while pending:
        number += 1
        last = dict(attempt(pending, last))
        pending, delay = [], 0.0
        for item, error in last.items():
            rule = rule_of(error)
            if number < rule.attempts:
                pending.append(item)
                delay = max(delay, rule.delays[number - 1])
            else:
                failures[item] = Failure(error, number)
        if pending:
            sleep(delay)
    return failures
