"""Common stock by stated rules: what is refused, and why."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from include.fundamentals.common_stock import RULES, refuse


@dataclass(frozen=True)
class Entry:
    symbol: str
    name: str | None = "Any Corp"
    is_etf: bool = False
    is_fund: bool = False
    is_actively_trading: bool = True


REFUSED = [
    (Entry("", "No Symbol Inc"), "malformed"),
    (Entry("A/B"), "malformed"),
    (Entry("SPY", "SPDR S&P 500", is_etf=True), "etf"),
    (Entry("VFIAX", "Vanguard 500 Index Admiral", is_fund=True), "fund"),
    (Entry("PCN", "PIMCO Corporate & Income Strategy Fund"), "fund"),
    (Entry("LEH", "Lehman Brothers", is_actively_trading=False), "inactive"),
    (Entry("ABCDW", "ABCD Acquisition"), "warrant"),
    (Entry("IPO-WS", "IPO Corp"), "warrant"),
    (Entry("IPO-WSA", "IPO Corp"), "warrant"),
    (Entry("GTX", "Garrett Motion Warrants"), "warrant"),
    (Entry("ABCDR", "ABCD Acquisition"), "right"),
    (Entry("XYZ", "XYZ Holdings Rights"), "right"),
    (Entry("ABCDU", "ABCD Acquisition"), "unit"),
    (Entry("IPO-UN", "IPO Corp"), "unit"),
    (Entry("SPAC", "Special Purpose Acquisition Units"), "unit"),
    (Entry("BAC-PL", "Bank of America"), "preferred"),
    (Entry("BML", "Bank of America Preferred Series"), "preferred"),
    (Entry("AGNCP", "AGNC Investment"), "preferred"),
    (Entry("TBB", "AT&T 5.35% Notes due 2066"), "note"),
]
KEPT = [
    Entry("AAPL", "Apple Inc."), Entry("BRK-A", "Berkshire Hathaway Inc. Class A"), Entry("BRK-B"),
    Entry("GOOGL", "Alphabet Inc."), Entry("R", "Ryder System"), Entry("U", "Unity Software"), Entry("W", "Wayfair"),
    Entry("EPD", "Enterprise Products Partners L.P. Common Units"), Entry("UNT", "Unit Corporation"),
    Entry("RMCF", "Right Management Consultants"), Entry("TSM", "Taiwan Semiconductor ADR"), Entry("NONE", None),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "reason"), REFUSED, ids=[f"{e.symbol} {e.name}" for e, _ in REFUSED])
def test_what_is_no_common_stock_is_refused_with_its_reason(entry: Entry, reason: str) -> None:
    assert refuse(entry) == reason


@pytest.mark.parametrize("entry", KEPT, ids=[entry.symbol for entry in KEPT])
def test_common_stock_is_kept(entry: Entry) -> None:
    assert refuse(entry) is None


def test_every_rule_is_in_the_table_and_has_an_example() -> None:
    import include.fundamentals.common_stock as module

    assert {reason for _, reason in REFUSED} == set(RULES)
    assert all(f"| `{reason}` |" in str(module.__doc__) for reason in RULES)
