"""The seed's error table, and that items wait for their next attempt together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from include.core import errors
from include.load.policy import RULES, in_rounds, rule_of

# seed 002, "Error Codes" and "Retry Policy"; E007 to E009: docs/adr/0014
EXPECTED = [
    (errors.InvalidMessage(["x"]), "E001", ()),
    (errors.UnsupportedFormat("x"), "E002", ()),
    (errors.ObjectCorrupt("x"), "E003", ()),
    (errors.SchemaMismatch("x"), "E003", ()),
    (errors.StatementFailed("x"), "E003", ()),
    (errors.WarehouseTimeout("x"), "E004", (2, 4)),
    (errors.WarehouseUnavailable("x"), "E005", (2, 4)),
    (errors.ObjectStoreUnavailable("x"), "E005", (2, 4)),
    (errors.ObjectChanged("x"), "E005", (2, 4)),
    (errors.WarehouseOutOfMemory("x"), "E006", (5,)),
    (MemoryError(), "E006", (5,)),
    (errors.ObjectMissing("x"), "E007", ()),
    (errors.CredentialsMissing("x"), "E008", ()),
    (KeyError("x"), "E009", ()),
]


@pytest.mark.parametrize(("error", "code", "delays"), EXPECTED, ids=lambda value: type(value).__name__)
def test_an_error_has_the_code_and_the_attempts_of_the_seed(
    error: Exception, code: str, delays: tuple[float, ...]
) -> None:
    rule = rule_of(error)
    assert (rule.code, rule.delays, rule.attempts) == (code, delays, len(delays) + 1)


def test_a_delay_stands_between_every_two_attempts() -> None:
    assert all(len(rule.delays) == rule.attempts - 1 for _, rule in RULES)


def _run(scripts: dict[str, list[Exception | None]]) -> tuple[dict[str, tuple[str, int]], list[float]]:
    """Return (code, attempts) of each item given up, where each goes through its script; and the delays."""
    slept: list[float] = []

    def attempt(pending: Sequence[str], _: Mapping[str, Exception]) -> dict[str, Exception]:
        outcomes = {item: scripts[item].pop(0) for item in pending}
        return {item: error for item, error in outcomes.items() if error}

    failures = in_rounds(list(scripts), attempt, slept.append)
    assert not any(scripts.values())  # each was tried exactly as often as its script is long
    return {item: (rule_of(f.error).code, f.attempts) for item, f in failures.items()}, slept


def test_a_hundred_items_wait_no_longer_than_one() -> None:
    away = errors.WarehouseUnavailable("x")
    failures, slept = _run({f"file {n}": [away, away, away] for n in range(100)})
    assert set(failures.values()) == {("E005", 3)}
    assert slept == [2, 4]


def test_each_item_is_tried_as_often_as_its_own_error_says() -> None:
    away, memory = errors.WarehouseTimeout("x"), errors.WarehouseOutOfMemory("x")
    failures, slept = _run(
        {
            "well at once": [None],
            "broken": [errors.ObjectCorrupt("x")],
            "well the third time": [away, away, None],
            "too big": [memory, memory],
            "away, then broken": [away, errors.SchemaMismatch("x")],
        }
    )
    assert failures == {"broken": ("E003", 1), "too big": ("E006", 2), "away, then broken": ("E003", 2)}
    assert slept == [5, 4]
