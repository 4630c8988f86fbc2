"""A plan's days, chunks and keys."""

from __future__ import annotations

from datetime import date

import pytest

from include.prices.config import PricesRequest
from include.prices.plan import Plan, chunk_size, describe, first_day, plan_run
from include.prices.universe import Universe

FRIDAY = date(2013, 3, 1)


def plan_of(symbols: list[str], **request: object) -> Plan:
    return plan_run(
        PricesRequest.model_validate(request),
        Universe(symbols, "payload"),
        session=FRIDAY,
        correlation_id="test",
        max_map_length=1024,
    )


@pytest.mark.parametrize(
    ("symbols", "asked", "size"),
    [(1, 5, 5), (500, 5, 5), (505, 5, 6), (8000, 5, 80), (100_000, 5, 200), (1_000_000, 5, 977), (10, 1, 1)],
)
def test_chunk_size_grows_with_the_universe(symbols: int, asked: int, size: int) -> None:
    assert chunk_size(symbols, asked, 1024) == size


def test_no_plan_has_more_chunks_than_airflow_maps() -> None:
    for symbols in (1, 1024, 1025, 5121, 204_801, 1_000_000):
        assert -(-symbols // chunk_size(symbols, 1, 1024)) <= 1024


def test_each_symbol_is_in_exactly_one_chunk() -> None:
    symbols = [f"S{n}" for n in range(503)]
    assert plan_of(symbols).symbols == symbols


@pytest.mark.parametrize(
    ("period", "first"),
    [
        ("1d", date(2013, 3, 1)),
        ("5d", date(2013, 2, 25)),
        ("1mo", date(2013, 2, 1)),
        ("3mo", date(2012, 12, 1)),
        ("1y", date(2012, 3, 1)),
        ("ytd", date(2013, 1, 1)),
        ("max", date(1970, 1, 1)),
    ],
)
def test_a_period_ends_on_the_session_day(period: str, first: date) -> None:
    assert first_day(period, FRIDAY) == first


def test_the_own_day_of_a_run_that_ends_on_a_holiday_is_the_session_before() -> None:
    assert plan_of(["AAPL"], end="2013-02-18").ds == date(2013, 2, 15)  # Presidents' Day, a Monday


def test_the_longest_period_has_sessions() -> None:
    assert plan_of(["AAPL"], period="max").session_days()[:2] == [date(1970, 1, 2), date(1970, 1, 5)]


def test_the_batch_id_is_the_idempotency_key() -> None:
    assert plan_of(["AAPL"]).batch_id == "market:prices:2013-03-01:test"


def test_the_description_shows_chunks_keys_and_requests() -> None:
    text = describe(plan_of(["AAPL", "IBM"], period="5d", compression="gzip"))
    assert "year=2013/month=03/day=01/AAPL.json.gz" in text
    assert "requests  2" in text
    assert "0000 AAPL…IBM (2): AAPL, IBM" in text
