"""Prices that the calendar or their neighbours contradict are refused; the others stay."""

from __future__ import annotations

from datetime import date

import polars as pl

from include.core.sessions import sessions_between
from include.fundamentals.config import CALENDAR
from include.fundamentals.price_rules import judge_prices

SESSIONS = sessions_between(CALENDAR, date(2013, 1, 2), date(2013, 3, 28))
LAST = date(2013, 3, 1)


def prices(closes: dict[date, float]) -> pl.DataFrame:
    values = list(closes.values())
    return pl.DataFrame(
        {"symbol": ["AAPL"] * len(values), "date": list(closes), **dict.fromkeys(("open", "high", "low", "close"), values),
         "volume": [100] * len(values)}
    )  # fmt: skip


def judged(closes: dict[date, float], held: tuple[float, ...] = ()) -> tuple[list[date], dict[str, int]]:
    good, reasons = judge_prices(prices(closes), last=LAST, sessions=SESSIONS, closes=held)
    return good["date"].to_list(), reasons


def steady(count: int, **others: float) -> dict[date, float]:
    return {day: 100.0 + at for at, day in enumerate(SESSIONS[:count])}


def test_good_prices_stay_as_they_are() -> None:
    found = prices(steady(30))
    good, reasons = judge_prices(found, last=LAST, sessions=SESSIONS)
    assert good.equals(found)
    assert reasons == {}


def test_a_day_after_the_run_is_refused() -> None:
    assert judged({date(2013, 3, 1): 100.0, date(2013, 3, 4): 100.0}) == (
        [date(2013, 3, 1)],
        {"future_date": 1},
    )


def test_a_day_without_trade_is_refused() -> None:
    holiday, saturday = date(2013, 2, 18), date(2013, 2, 16)
    assert judged({date(2013, 2, 15): 100.0, saturday: 100.0, holiday: 100.0}) == (
        [date(2013, 2, 15)],
        {"no_session": 2},
    )


def test_a_price_in_cents_is_refused_wherever_it_stands() -> None:
    for at in (0, 7, 29):
        closes = steady(30)
        closes[SESSIONS[at]] *= 100
        days, reasons = judged(closes)
        assert reasons == {"absurd_jump": 1}
        assert SESSIONS[at] not in days


def test_a_single_new_price_is_compared_with_those_that_are_held() -> None:
    held = (99.0, 100.0, 101.0, 100.0)
    assert judged({LAST: 10_000.0}, held) == ([], {"absurd_jump": 1})
    assert judged({LAST: 1.0}, held) == ([], {"absurd_jump": 1})
    assert judged({LAST: 160.0}, held) == ([LAST], {})


def test_a_share_that_grew_a_thousandfold_over_years_is_no_jump() -> None:
    days = sessions_between(CALENDAR, date(2000, 1, 3), date(2013, 3, 1))
    closes = {day: 0.5 * 1000 ** (at / len(days)) for at, day in enumerate(days)}
    good, reasons = judge_prices(prices(closes), last=LAST, sessions=days)
    assert (good.height, reasons) == (len(days), {})


def test_no_rows_are_no_fault() -> None:
    empty = prices(steady(1)).clear()
    good, reasons = judge_prices(empty, last=LAST, sessions=SESSIONS)
    assert (good.height, reasons) == (0, {})
