"""Exchange sessions: which calendar days trade, and when they close. Calendar names are exchange_calendars'."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

FIRST_DAY = date(1970, 1, 1)
"""No session before this day is known; `period: max` begins here."""


@lru_cache(maxsize=4)
def calendar(name: str) -> ExchangeCalendar:
    """Return an exchange's calendar from 1970 to a year ahead."""
    import exchange_calendars  # half a second: only where sessions are asked for

    # a calendar begins with a session and refuses days before it, so it begins in the week before
    return exchange_calendars.get_calendar(name, start=(FIRST_DAY - timedelta(days=7)).isoformat())


def sessions_between(name: str, start: date, end: date) -> list[date]:
    """Return the session days from `start` to `end`, both included."""
    found = calendar(name).sessions_in_range(max(start, FIRST_DAY).isoformat(), end.isoformat())
    return [day.date() for day in found]


def session_on_or_before(name: str, day: date) -> date:
    """Return `day` if it is a session, else the one before it."""
    return calendar(name).date_to_session(day.isoformat(), direction="previous").date()


def session_after(name: str, session: date) -> date:
    """Return the session that follows `session`."""
    return calendar(name).next_session(session.isoformat()).date()


def session_bounds(name: str, session: date) -> tuple[datetime, datetime]:
    """Return a session's open and close, UTC."""
    found = calendar(name)
    return _utc(found.session_open(session.isoformat())), _utc(found.session_close(session.isoformat()))


def last_closed_session(name: str, instant: datetime) -> date:
    """Return the last session that had closed by `instant`."""
    session = session_on_or_before(name, instant.astimezone(timezone.utc).date())
    while session_bounds(name, session)[1] > instant:
        session = calendar(name).previous_session(session.isoformat()).date()
    return session


def _utc(stamp: object) -> datetime:
    return stamp.to_pydatetime().astimezone(timezone.utc)  # type: ignore[attr-defined]
