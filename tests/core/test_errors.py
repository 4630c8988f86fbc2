"""Every error of ours says whether trying again can help."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

import include
from include.core import errors
from include.core.errors import CircuitOpen, InvalidRequest, TapelineError, TerminalError, TransientError

MIGRATIONS = "include.clients.postgres.migrations."
"""Alembic imports these itself, with its context around them."""


def _all_errors(base: type[TapelineError] = TapelineError) -> Iterator[type[TapelineError]]:
    for cls in base.__subclasses__():
        if cls not in (TerminalError, TransientError):
            yield cls
        yield from _all_errors(cls)


@pytest.fixture(scope="module")
def classes() -> set[type[TapelineError]]:
    for module in pkgutil.walk_packages(include.__path__, "include."):
        if not module.name.startswith(MIGRATIONS):
            importlib.import_module(module.name)
    return {cls for cls in _all_errors() if cls.__module__.startswith("include.")}


def test_every_error_is_either_terminal_or_transient(classes: set[type[TapelineError]]) -> None:
    assert len(classes) > 20
    both = [c.__name__ for c in classes if issubclass(c, TerminalError) == issubclass(c, TransientError)]
    assert both == []


def test_every_error_says_in_its_docstring_what_happened(classes: set[type[TapelineError]]) -> None:
    assert [cls.__name__ for cls in classes if not cls.__doc__] == []


def test_no_two_errors_have_one_name(classes: set[type[TapelineError]]) -> None:
    names = [cls.__name__ for cls in classes]
    assert sorted(names) == sorted(set(names))


def test_a_class_that_is_neither_fails_at_its_definition() -> None:
    with pytest.raises(TypeError, match="Undecided must inherit TerminalError or TransientError"):
        type("Undecided", (TapelineError,), {})


def test_codes_are_those_of_the_seeds() -> None:
    codes = {cls.__name__: cls.code for cls in vars(errors).values() if hasattr(cls, "code")}
    assert codes == {
        "QualityBelowThreshold": "DQ_FAILED",
        "WarehouseTimeout": "E004",
        "WarehouseUnavailable": "E005",
        "WarehouseOutOfMemory": "E006",
    }


def test_a_refused_request_lists_every_fault() -> None:
    error = InvalidRequest(["one", "two"])
    assert error.faults == ["one", "two"]
    assert str(error).splitlines() == [
        "The run's configuration has 2 fault(s); nothing was read or written:",
        "  - one",
        "  - two",
    ]


def test_an_open_circuit_says_when_to_try_again() -> None:
    error = CircuitOpen("yahoo_finance", datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc))
    assert "yahoo_finance failed too often" in str(error)
    assert "2026-01-02 03:04:05 UTC" in str(error)
