"""Reading answers: what is refused, by which name, and what is kept."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from include.clients.fmp.answer import parse_listings, parse_prices, parse_ratios, read_entries
from include.clients.fmp.models import SCHEMA
from include.core.errors import MalformedAnswer, WrongAnswer

JANUARY = (date(2025, 1, 1), date(2025, 1, 31))
ENTRY = {"symbol": "XYZ", "companyName": "Xyz Inc.", "exchangeShortName": "NYSE", "isActivelyTrading": True}


def row(day: int, **changes: Any) -> dict[str, Any]:
    values = {"open": 10, "high": 12.5, "low": 9.5, "close": 11.0, "volume": 1000, "vwap": 10.9}
    return {"symbol": "XYZ", "date": f"2025-01-{day:02d}", **values, **changes}


def kinds_and_days(rows: list[dict[str, Any]]) -> tuple[list[str], list[int]]:
    found = parse_prices(rows, "XYZ", *JANUARY)
    return [fault.kind for fault in found.faults], [day.day for day in found.prices["date"]]


def test_prices_are_sorted_typed_and_without_what_nobody_asked_for() -> None:
    found = parse_prices([row(3, volume=1000.6), row(2)], "XYZ", *JANUARY)
    assert found.prices.schema == SCHEMA
    assert found.prices.rows() == [
        ("XYZ", date(2025, 1, 2), 10.0, 12.5, 9.5, 11.0, 1000),
        ("XYZ", date(2025, 1, 3), 10.0, 12.5, 9.5, 11.0, 1001),  # a split makes fractions of shares
    ]


@pytest.mark.parametrize(
    ("changes", "kind", "fields"),
    [
        ({"close": None}, "missing", ("close",)),
        ({"volume": None, "open": None}, "missing", ("open", "volume")),
        ({"close": "11.0"}, "not_a_number", ("close",)),
        ({"close": float("nan")}, "not_a_number", ("close",)),
        ({"high": float("inf")}, "not_a_number", ("high",)),
        ({"volume": 10**400}, "not_a_number", ("volume",)),
        ({"date": "01/02/2025"}, "bad_date", ("date",)),
        ({"date": None}, "bad_date", ("date",)),
        ({"low": -9.5}, "negative_price", ("open", "high", "low", "close")),
        ({"open": 0}, "negative_price", ("open", "high", "low", "close")),
        ({"high": 1e12}, "absurd_price", ("open", "high", "low", "close")),
        ({"volume": -1}, "negative_volume", ("volume",)),
        ({"volume": 1e18}, "absurd_volume", ("volume",)),
        ({"high": 9.0}, "high_below_low", ("high", "low")),
        ({"date": "2024-12-31"}, "outside_range", ()),
        ({"date": "2025-02-01"}, "outside_range", ()),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_reason(
    changes: dict[str, Any], kind: str, fields: tuple[str, ...]
) -> None:
    found = parse_prices([row(3), row(2, **changes), row(6)], "XYZ", *JANUARY)
    assert [(fault.kind, fault.fields) for fault in found.faults] == [(kind, fields)]
    assert [day.day for day in found.prices["date"]] == [3, 6]


def test_prices_of_reverse_splits_are_believed() -> None:
    assert kinds_and_days([row(2, open=3e9, high=3.1e9, low=2.9e9, close=3e9)]) == ([], [2])


def test_equal_rows_of_a_day_count_once_and_rows_that_differ_not_at_all() -> None:
    rows = [row(2), row(2), row(3), row(6, close=11.5), row(6), row(7)]
    assert kinds_and_days(rows) == (["duplicate_date"] * 3, [2, 3, 7])


def test_prices_of_another_symbol_are_an_error_even_beside_right_ones() -> None:
    with pytest.raises(WrongAnswer, match="XYZ: FMP answered for ABC"):
        parse_prices([row(2), row(3, symbol="ABC")], "XYZ", *JANUARY)
    with pytest.raises(WrongAnswer, match="XYZ: FMP answered for ABC"):
        parse_ratios([{"symbol": "ABC"}], "XYZ")


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"{}", b"[1]", b'[{"a": 1}', b"[" * 100_000])
def test_a_body_that_is_no_list_of_objects_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswer, match="XYZ"):
        read_entries(body, "XYZ")


def test_listings_that_cannot_be_used_are_named_and_the_others_kept() -> None:
    entries = [
        ENTRY | {"marketCap": float("nan"), "sector": "", "price": "n/a"},
        ENTRY | {"companyName": "Again"},
        ENTRY | {"symbol": "../x"},
        ENTRY | {"symbol": "ABC", "exchangeShortName": "OTC"},
        ENTRY | {"symbol": "DEF", "isActivelyTrading": None},
    ]
    found = parse_listings(entries, "NYSE")
    assert [(listing.symbol, listing.name, listing.market_cap, listing.sector) for listing in found] == [
        ("XYZ", "Xyz Inc.", None, None)
    ]
    assert [(fault.kind, fault.symbol) for fault in found.faults] == [
        ("duplicate_symbol", "XYZ"),
        ("malformed_entry", "../x"),
        ("wrong_exchange", "ABC"),
        ("malformed_entry", "DEF"),
    ]


def test_a_list_of_which_nothing_can_be_used_is_malformed_not_empty() -> None:
    with pytest.raises(MalformedAnswer, match="none of its 1 entries can be used"):
        parse_listings([{"ticker": "XYZ"}], "NYSE")


def test_absent_ratios_and_those_that_are_no_numbers_are_told_apart() -> None:
    answer = json.loads(
        '[{"symbol": "XYZ", "currentRatioTTM": NaN, "quickRatioTTM": "Infinity", "netProfitMarginTTM": 1e999,'
        ' "grossProfitMarginTTM": null, "debtToEquityRatioTTM": 0, "dividendYieldTTM": true}]'
    )
    found = parse_ratios(answer, "XYZ")
    assert found.debt_to_equity == 0
    by_kind: dict[str, set[str]] = {}
    for fault in found.faults:
        by_kind.setdefault(fault.kind, set()).update(fault.fields)
    assert by_kind["not_a_number"] == {"current_ratio", "quick_ratio", "net_margin", "dividend_yield"}
    assert "gross_margin" in by_kind["missing"]
    assert len(found.faults) == 11
