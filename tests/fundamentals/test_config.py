"""What a run may be asked, and which session it is for."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pytest

from include.core.errors import InvalidRequest
from include.fundamentals.config import run_day, validate_fundamentals

JOBS = ["load_symbols", "load_daily_prices", "build_daily_ma", "load_ratios"]
DAY = date(2013, 3, 1)


def test_nothing_asked_is_everything() -> None:
    request = validate_fundamentals({"jobs": None, "symbols": None}, jobs=JOBS, day=DAY)
    assert (request.jobs, request.symbols, request.force) == ([], [], False)


def test_symbols_are_upper_case_and_each_once() -> None:
    request = validate_fundamentals({"symbols": ["aapl", " AAPL", "brk-b"]}, jobs=JOBS, day=DAY)
    assert request.symbols == ["AAPL", "BRK-B"]


@pytest.mark.parametrize(
    ("conf", "faults"),
    [
        ({"symbol": ["AAPL"]}, ["unknown key 'symbol': did you mean 'symbols'?"]),
        ({"jobs": ["load_symbol"]}, ["jobs: unknown job 'load_symbol': did you mean 'load_symbols'?"]),
        ({"start": "2013-03-02"}, ["start: 2013-03-02 is after 2013-03-01, the last session"]),
        ({"start": "2013-02-02", "end": "2013-02-01"}, ["start 2013-02-02 is after end 2013-02-01"]),
        ({"symbols": ["A B"], "force": "perhaps"}, ["'A B' is not a symbol", "force: "]),
        ([], ["the configuration is a list"]),
    ],
    ids=["unknown key", "unknown job", "later than the run", "dates", "two faults", "no object"],
)
def test_every_fault_of_a_request_is_named(conf: Any, faults: list[str]) -> None:
    with pytest.raises(InvalidRequest) as error:
        validate_fundamentals(conf, jobs=JOBS, day=DAY)
    assert len(error.value.faults) == len(faults)
    for fault, text in zip(error.value.faults, faults, strict=True):
        assert text in fault


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        ("2013-03-01T00:00", "2013-03-01"),
        ("2013-03-02T00:00", "2013-03-01"),
        ("2013-03-01T22:30", "2013-03-01"),
        ("2013-03-01T20:59", "2013-02-28"),
        ("2013-03-04T00:01", "2013-03-01"),
    ],
    ids=[
        "midnight names its day",
        "a Saturday",
        "after the close",
        "before the close",
        "Monday, not midnight",
    ],
)
def test_a_run_is_for_a_session_that_has_closed_or_that_is_named(moment: str, session: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=timezone.utc)
    assert run_day(at, datetime(2013, 6, 1, tzinfo=timezone.utc)) == date.fromisoformat(session)


def test_a_session_that_still_goes_on_is_not_asked_for() -> None:
    noon = datetime(2013, 3, 1, 17, tzinfo=timezone.utc)
    assert run_day(noon.replace(hour=0), noon) == date(2013, 2, 28)
