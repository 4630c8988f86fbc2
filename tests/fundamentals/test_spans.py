"""Which days are asked for: what is missing by the exchange's calendar, and no more."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from include.core.sessions import sessions_between
from include.fundamentals.config import CALENDAR, FundamentalsRequest
from include.fundamentals.spans import Held, Span, Window, plan_span, plan_window

DAY = date(2013, 3, 1)


def window(**asked: Any) -> Window:
    return plan_window(
        FundamentalsRequest(**asked), DAY, sessions_between(CALENDAR, date(2012, 1, 1), DAY),
        history_years=5, gap_days=30,
    )  # fmt: skip


def held(first: str, last: str, without: tuple[str, ...] = ()) -> Held:
    days = sessions_between(CALENDAR, date.fromisoformat(first), date.fromisoformat(last))
    absent = {date.fromisoformat(day) for day in without}
    return Held("AAPL", days[0], days[-1], (400.0,), frozenset(set(days) - absent))


def span(start: str, end: str) -> Span:
    return Span(date.fromisoformat(start), date.fromisoformat(end))


def test_a_new_symbol_gets_its_history() -> None:
    assert plan_span(Held("AAPL"), window()) == span("2008-03-01", "2013-03-01")


def test_a_symbol_that_has_every_session_is_not_asked_for() -> None:
    assert plan_span(held("2012-06-01", "2013-03-01"), window()) is None


def test_what_is_new_is_asked_for_with_the_last_day_that_is_held() -> None:
    assert plan_span(held("2012-06-01", "2013-02-27"), window()) == span("2013-02-27", "2013-03-01")


def test_a_symbol_that_was_away_for_long_is_asked_for_without_a_hole() -> None:
    assert plan_span(held("2012-06-01", "2012-07-02"), window()) == span("2012-07-02", "2013-03-01")


def test_a_gap_within_the_window_is_filled() -> None:
    gap = held("2012-06-01", "2013-03-01", without=("2013-02-12", "2013-02-14"))
    assert plan_span(gap, window()) == span("2013-02-12", "2013-02-14")


def test_a_gap_and_new_sessions_are_one_request() -> None:
    gap = held("2012-06-01", "2013-02-28", without=("2013-02-12",))
    assert plan_span(gap, window()) == span("2013-02-12", "2013-03-01")


@pytest.mark.parametrize("day", ["2013-02-18", "2012-08-15"], ids=["holiday", "older than the window"])
def test_a_day_that_cannot_come_is_not_asked_for(day: str) -> None:
    assert plan_span(held("2012-06-01", "2013-03-01", without=(day,)), window()) is None


def test_days_before_the_first_are_no_gap_unless_they_are_asked_for() -> None:
    young = held("2013-02-20", "2013-03-01")
    assert plan_span(young, window()) is None
    assert plan_span(young, window(start="2013-02-11")) == span("2013-02-11", "2013-02-19")


def test_a_new_symbol_begins_where_it_is_asked_to() -> None:
    assert plan_span(Held("AAPL"), window(start="2000-03-01")) == span("2000-03-01", "2013-03-01")


def test_an_older_end_asks_for_nothing_after_it() -> None:
    assert plan_span(Held("AAPL"), window(end="2012-12-31")) == span("2007-12-31", "2012-12-31")
    assert plan_span(held("2012-06-01", "2013-03-01"), window(end="2012-12-31")) is None


def test_force_asks_for_what_is_there() -> None:
    whole = held("2012-06-01", "2013-03-01")
    assert plan_span(whole, window(force=True)) == span("2012-06-01", "2013-03-01")
    assert plan_span(whole, window(force=True, start="2013-02-01")) == span("2013-02-01", "2013-03-01")
