"""`load_daily_prices` on a real database and the replayed source: what is missing is asked for, once, and loaded."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from devstack.replay.prices import demo_file
from include.core.errors import InvalidRequest
from include.fundamentals.run import SymbolsLeft
from include.fundamentals.symbols import NoSymbols
from tests.fundamentals.workbench import DAY, Workbench

pytestmark = pytest.mark.integration
JOB = "load_daily_prices"
FIELDS = ("symbol", "date", "open", "high", "low", "close", "volume")


def recorded(*symbols: str, start: str = "2000-01-01", end: str = "2013-03-01") -> list[dict[str, Any]]:
    """Return the recorded rows as the file has them."""
    names = {"Ticker": "symbol", "Date": "date", **{n.title(): n for n in FIELDS[2:]}}
    rows = pl.read_csv(demo_file(), try_parse_dates=True).rename(names).sort("symbol", "date")
    span = pl.col("date").is_between(date.fromisoformat(start), date.fromisoformat(end))
    wanted = rows.filter(span & pl.col("symbol").is_in(symbols) if symbols else span)
    return wanted.select(FIELDS).with_columns(pl.col("volume").cast(pl.Int64)).to_dicts()


def test_a_new_symbol_gets_its_history(listed: Workbench) -> None:
    listed.run(JOB, environment={"history_years": "2"})
    assert listed.values("daily_prices") == recorded(start="2011-03-01")
    assert listed.asked_for() == 5


def test_what_is_missing_since_the_last_day_is_added(listed: Workbench) -> None:
    listed.run(JOB, day=date(2013, 2, 20), symbols=["IBM"], start="2013-01-02")
    before = listed.rows("daily_prices")
    result = listed.run(JOB, symbols=["IBM"])
    assert listed.values("daily_prices") == recorded("IBM", start="2013-01-02")
    assert listed.rows("daily_prices")[: len(before)] == before
    assert (result.inserted, result.updated, result.unchanged) == (7, 0, 1)


def test_a_gap_is_filled_and_nothing_else_is_asked_for(listed: Workbench) -> None:
    listed.run(JOB, symbols=["IBM", "AAPL"], start="2013-01-02")
    listed.database.execute("DELETE FROM daily_prices WHERE symbol = 'IBM' AND date = '2013-02-12'")
    listed.source.heal()
    listed.run(JOB, symbols=["IBM", "AAPL"])
    assert listed.values("daily_prices") == recorded("IBM", "AAPL", start="2013-01-02")
    assert listed.source.replay.symbols == {"IBM": 1}


def test_doing_it_again_asks_for_nothing_and_changes_no_row(listed: Workbench) -> None:
    listed.run(JOB, symbols=["IBM"], start="2013-01-02")
    before = listed.rows("daily_prices")
    listed.source.heal()
    assert listed.run(JOB, symbols=["IBM"]).total == 0
    assert listed.asked_for() == 0
    forced = listed.run(JOB, symbols=["IBM"], force=True)
    assert (forced.inserted, forced.updated, forced.unchanged) == (0, 0, len(before))
    assert listed.rows("daily_prices") == before


def test_a_history_that_the_source_has_adjusted_is_loaded_anew(listed: Workbench) -> None:
    listed.run(JOB, day=date(2013, 2, 20), symbols=["IBM"], start="2013-01-02")
    listed.database.execute("UPDATE daily_prices SET close = close * 2, high = high * 2")
    listed.run(JOB, symbols=["IBM"])
    assert listed.values("daily_prices") == recorded("IBM", start="2013-01-02")


def test_a_corrected_last_price_is_taken_over_and_no_other_row_touched(listed: Workbench) -> None:
    listed.run(JOB, day=date(2013, 2, 27), symbols=["IBM"], start="2013-01-02")
    last = listed.rows("daily_prices")[-1]
    listed.database.execute("UPDATE daily_prices SET volume = 1 WHERE date = '2013-02-27'")
    result = listed.run(JOB, symbols=["IBM"])
    assert (result.inserted, result.updated) == (2, 1)
    assert {r["date"]: r for r in listed.rows("daily_prices")}[last["date"]]["volume"] == last["volume"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("negative", "negative_price"), ("absurd", "absurd_price"), ("x100", "absurd_jump"), ("nan", "not_a_number"),
     ("null_volume", "missing")],
)  # fmt: skip
def test_a_bad_row_is_refused_with_its_reason_and_the_others_load(
    listed: Workbench, fault: str, reason: str
) -> None:
    listed.source.commit(f"symbol:IBM={fault}")
    result = listed.run(JOB, symbols=["IBM"], start="2013-01-02")
    right = recorded("IBM", start="2013-01-02")
    assert result.reasons == {reason: 1}
    assert (result.total, result.invalid, result.valid) == (len(right), 1, len(right) - 1)
    found = listed.values("daily_prices")
    assert len(found) == len(right) - 1
    assert all(row in right for row in found)


def test_a_refused_day_is_asked_for_again_and_loaded_once_it_is_right(listed: Workbench) -> None:
    listed.source.commit("symbol:IBM=negative*1")
    listed.run(JOB, symbols=["IBM"], start="2013-02-01")
    listed.run(JOB, symbols=["IBM"])
    assert listed.values("daily_prices") == recorded("IBM", start="2013-02-01")


def test_a_price_in_cents_stays_refused_when_it_alone_is_asked_for(listed: Workbench) -> None:
    listed.source.commit("symbol:IBM=x100")
    for _ in range(2):
        assert listed.run(JOB, symbols=["IBM"], start="2013-02-01").reasons == {"absurd_jump": 1}
    assert listed.count("daily_prices") == len(recorded("IBM", start="2013-02-01")) - 1


def test_a_symbol_without_anything_new_is_counted(listed: Workbench) -> None:
    listed.source.commit("symbol:IBM=empty")
    result = listed.run(JOB, symbols=["IBM", "AAPL"], start="2013-02-01")
    assert (result.symbols, result.empty_symbols, result.failed_symbols) == (2, 1, 0)


def test_a_passing_failure_keeps_what_was_answered_and_asks_only_for_the_rest(listed: Workbench) -> None:
    listed.source.commit("symbol:IBM=503")
    with pytest.raises(SymbolsLeft, match=r"IBM \(SourceUnavailable\)"):
        listed.run(JOB, symbols=["AAPL", "IBM"], start="2013-02-01", last_attempt=False)
    assert listed.values("daily_prices") == recorded("AAPL", start="2013-02-01")
    listed.source.heal()
    listed.run(JOB, symbols=["AAPL", "IBM"], start="2013-02-01", last_attempt=False)
    assert listed.source.replay.symbols == {"IBM": 1}
    assert listed.values("daily_prices") == recorded("AAPL", "IBM", start="2013-02-01")


def test_a_source_that_is_away_is_not_asked_for_every_symbol(listed: Workbench) -> None:
    rows = [("S" + "ABCDEFGHIJKLMNOPQRST"[at],) for at in range(20)]
    with listed.database.connection() as connection:
        connection.cursor().executemany("INSERT INTO symbols (symbol, exchange) VALUES (%s, 'NYSE')", rows)
    listed.source.commit("rate:500=1")
    with pytest.raises(SymbolsLeft):
        listed.run(JOB, last_attempt=False, symbols=[symbol for (symbol,) in rows])
    assert len(listed.source.replay.symbols) <= 5 + 10


def test_a_database_without_symbols_is_a_named_error(bench: Workbench) -> None:
    with pytest.raises(NoSymbols, match="Run load_symbols first"):
        bench.run(JOB)


def test_a_symbol_that_nobody_knows_is_a_fault_of_the_request(listed: Workbench) -> None:
    with pytest.raises(InvalidRequest, match="symbols: APPL is not in the table"):
        listed.run(JOB, symbols=["AAPL", "APPL"])


def test_a_delisted_symbol_is_asked_for_only_by_name(listed: Workbench) -> None:
    listed.database.execute("UPDATE symbols SET is_active = false WHERE symbol = 'IBM'")
    start = (DAY - timedelta(days=7)).isoformat()
    listed.run(JOB, start=start)
    assert "IBM" not in {row["symbol"] for row in listed.values("daily_prices")}
    listed.run(JOB, start=start, symbols=["IBM"])
    assert "IBM" in {row["symbol"] for row in listed.values("daily_prices")}
