"""Sessions of the New York exchange: holidays, early closes, bounds in UTC."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from include.core import sessions

NYSE = "XNYS"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type,misc]


def test_weekends_and_holidays_have_no_session() -> None:
    found = sessions.sessions_between(NYSE, date(2012, 12, 21), date(2013, 1, 2))
    assert found == [
        date(2012, 12, 21), date(2012, 12, 24), date(2012, 12, 26), date(2012, 12, 27), date(2012, 12, 28),
        date(2012, 12, 31), date(2013, 1, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "day", [date(2012, 10, 29), date(2012, 10, 30), date(2001, 9, 11), date(2001, 9, 14)]
)
def test_days_on_which_the_exchange_stayed_closed_have_no_session(day: date) -> None:
    assert sessions.sessions_between(NYSE, day, day) == []


def test_nothing_is_asked_before_the_first_day_known() -> None:
    assert sessions.sessions_between(NYSE, date(1900, 1, 1), date(1970, 1, 5)) == [
        date(1970, 1, 2),
        date(1970, 1, 5),
    ]


def test_the_session_on_or_before_a_day() -> None:
    assert sessions.session_on_or_before(NYSE, date(2013, 3, 1)) == date(2013, 3, 1)
    assert sessions.session_on_or_before(NYSE, date(2013, 3, 3)) == date(2013, 3, 1)
    assert sessions.session_on_or_before(NYSE, date(2013, 1, 1)) == date(2012, 12, 31)


def test_the_session_after_a_session() -> None:
    assert sessions.session_after(NYSE, date(2013, 3, 1)) == date(2013, 3, 4)


@pytest.mark.parametrize(
    ("session", "opened", "closed"),
    [
        pytest.param(date(2013, 3, 1), utc(2013, 3, 1, 14, 30), utc(2013, 3, 1, 21), id="winter"),
        pytest.param(date(2013, 3, 11), utc(2013, 3, 11, 13, 30), utc(2013, 3, 11, 20), id="summer"),
        pytest.param(date(2012, 11, 23), utc(2012, 11, 23, 14, 30), utc(2012, 11, 23, 18), id="early close"),
    ],
)
def test_bounds_are_utc_and_know_summer_time_and_early_closes(
    session: date, opened: datetime, closed: datetime
) -> None:
    bounds = sessions.session_bounds(NYSE, session)
    assert bounds == (opened, closed)
    assert [instant.utcoffset() for instant in bounds] == [timedelta(0)] * 2


@pytest.mark.parametrize(
    ("instant", "session"),
    [
        (utc(2013, 3, 1, 20, 59, 59), date(2013, 2, 28)),
        (utc(2013, 3, 1, 21), date(2013, 3, 1)),
        (utc(2013, 3, 4, 14, 29), date(2013, 3, 1)),
        (utc(2012, 11, 23, 18), date(2012, 11, 23)),
        (utc(2013, 1, 1, 22), date(2012, 12, 31)),
    ],
)
def test_a_session_counts_from_its_close(instant: datetime, session: date) -> None:
    assert sessions.last_closed_session(NYSE, instant) == session


def test_an_instant_of_another_zone_is_the_same_instant() -> None:
    seoul = timezone(timedelta(hours=9))
    assert sessions.last_closed_session(NYSE, datetime(2013, 3, 2, 6, tzinfo=seoul)) == date(2013, 3, 1)
    assert sessions.last_closed_session(NYSE, datetime(2013, 3, 2, 5, 59, tzinfo=seoul)) == date(2013, 2, 28)
