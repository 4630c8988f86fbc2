"""`load_symbols` on a real database: what is listed is there, and what is not listed any more is inactive."""

from __future__ import annotations

from datetime import date

import pytest

from include.core.errors import EmptyAnswer
from include.fundamentals.load_symbols import ScreenerTooShort
from tests.fundamentals.workbench import DAY, Workbench

pytestmark = pytest.mark.integration
LATER = date(2013, 3, 8)


def test_common_stock_is_loaded_and_the_rest_is_counted_with_its_reason(bench: Workbench) -> None:
    result = bench.run("load_symbols")
    rows = {row["symbol"]: row for row in bench.values("symbols")}
    assert set(rows) == {"AAPL", "FB", "GOOG", "IBM", "MSFT"}
    assert (rows["IBM"]["exchange"], rows["IBM"]["is_active"], rows["IBM"]["delisted_at"]) == (
        "NYSE",
        True,
        None,
    )
    refused = {"etf", "fund", "preferred", "warrant", "right", "unit", "inactive"}
    assert set(result.reasons) == {f"not_common_{reason}" for reason in refused}
    assert result.total == result.symbols + sum(result.reasons.values())


def test_a_symbol_that_vanishes_is_kept_as_inactive_and_comes_back(listed: Workbench) -> None:
    listed.source.list_only("AAPL", "FB", "IBM", "MSFT")
    assert listed.run("load_symbols", day=LATER).reasons["delisted"] == 1
    gone = {row["symbol"]: row for row in listed.values("symbols")}["GOOG"]
    assert (gone["is_active"], gone["delisted_at"]) == (False, LATER)
    listed.source.heal()
    listed.run("load_symbols", day=date(2013, 3, 15))
    back = {row["symbol"]: row for row in listed.values("symbols")}["GOOG"]
    assert (back["is_active"], back["delisted_at"]) == (True, None)


def test_a_short_list_delists_nobody(listed: Workbench) -> None:
    before = listed.rows("symbols")
    listed.source.list_only("AAPL", "IBM")
    with pytest.raises(ScreenerTooShort, match="1 common stocks of NASDAQ, where 4 are known"):
        listed.run("load_symbols", day=LATER)
    assert listed.rows("symbols") == before


@pytest.mark.parametrize("exchange", ["NASDAQ", "NYSE", "AMEX"])
def test_an_empty_list_of_one_exchange_changes_nothing_of_any(listed: Workbench, exchange: str) -> None:
    before = listed.rows("symbols")
    listed.source.commit(f"symbol:{exchange}=empty")
    with pytest.raises(EmptyAnswer):
        listed.run("load_symbols", day=LATER)
    assert listed.rows("symbols") == before


def test_a_source_that_knows_nobody_is_refused_on_an_empty_database_too(bench: Workbench) -> None:
    bench.source.list_only()
    with pytest.raises((ScreenerTooShort, EmptyAnswer)):
        bench.run("load_symbols")
    assert bench.count("symbols") == 0


def test_duplicates_are_counted_once_loaded(bench: Workbench) -> None:
    bench.source.commit("symbol:NASDAQ=duplicate_timestamps")
    result = bench.run("load_symbols", day=DAY)
    assert (result.duplicates, bench.count("symbols")) == (1, 5)


def test_doing_it_again_changes_no_row(listed: Workbench) -> None:
    before = listed.rows("symbols")
    result = listed.run("load_symbols")
    assert (result.inserted, result.updated, result.unchanged) == (0, 0, 5)
    assert listed.rows("symbols") == before
