"""Which days to ask a symbol's prices for: what is missing by the exchange's calendar, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from include.fundamentals.config import FundamentalsRequest


@dataclass(frozen=True)
class Held:
    """What the table has of a symbol."""

    symbol: str
    first: date | None = None
    last: date | None = None
    closes: tuple[float, ...] = ()
    """The newest ones, oldest first."""
    dates: frozenset[date] = frozenset()
    """Days within the window."""


@dataclass(frozen=True)
class Window:
    """The sessions that a run looks at."""

    start: date
    """Where gaps are looked for, of a symbol that has prices."""
    end: date
    history_start: date
    """Where a symbol begins that has none."""
    sessions: tuple[date, ...]
    """From `start` to `end`."""
    asked: bool
    """Whether somebody asked for a first day: what is missing before a symbol's first day is looked for, too."""
    force: bool


@dataclass(frozen=True)
class Span:
    """Days to ask for, both included."""

    start: date
    end: date


def plan_window(
    request: FundamentalsRequest, day: date, sessions: Sequence[date], *, history_years: int, gap_days: int
) -> Window:
    """Return the window of a run of the session `day`; `sessions` may be more than it needs."""
    end = request.end or day
    start = request.start or end - timedelta(days=gap_days)
    return Window(
        start=start,
        end=end,
        history_start=request.start or end - relativedelta(years=history_years),
        sessions=tuple(session for session in sessions if start <= session <= end),
        asked=request.start is not None,
        force=request.force,
    )


def plan_span(held: Held, window: Window) -> Span | None:
    """Return the days to ask for, or None where nothing is missing.

    Where newer sessions are missing the last day that is held is asked for again: its price may have been
    provisional, and where it differs much the source has adjusted the whole history (a split).
    Gaps that are older than the window are left: the source was asked for them while they were in it.
    """
    if held.first is None or held.last is None:
        return Span(window.history_start, window.end) if window.history_start <= window.end else None
    if window.force:
        return Span(window.start if window.asked else min(held.first, window.start), window.end)
    missing = [
        session
        for session in window.sessions
        if session not in held.dates and (window.asked or session > held.first)
    ]
    if not missing:
        return None
    first, last = missing[0], missing[-1]
    return Span(min(first, held.last) if last > held.last else first, last)


def is_restated(held_close: float, answered_close: float, tolerance: float = 0.01) -> bool:
    """Return whether the source gives another close for a day that is held: it has adjusted the history."""
    return abs(answered_close / held_close - 1) > tolerance
