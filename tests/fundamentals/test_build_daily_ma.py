"""`build_daily_ma` on a real database: the averages of pandas, of what changed, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

import pandas as pd
import pytest

from tests.fundamentals.workbench import Workbench

pytestmark = pytest.mark.integration
JOB = "build_daily_ma"
WINDOWS = (20, 50, 100, 200)


def by_pandas(bench: Workbench) -> pd.DataFrame:
    """Return the averages of all prices in the table, computed by pandas' own rolling windows."""
    frame = pd.DataFrame(bench.values("daily_prices")).sort_values(["symbol", "date"])
    closes = frame.groupby("symbol")["close"]
    for window in WINDOWS:
        frame[f"ma_{window}"] = closes.transform(lambda values, size=window: values.rolling(size).mean())
    return frame[["symbol", "date", *(f"ma_{window}" for window in WINDOWS)]].reset_index(drop=True)


def assert_same(bench: Workbench) -> None:
    found = pd.DataFrame(bench.values("daily_ma")).sort_values(["symbol", "date"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(
        found, by_pandas(bench)[found.columns], rtol=1e-9, atol=0, check_dtype=False
    )


@pytest.fixture
def priced(listed: Workbench) -> Workbench:
    listed.run("load_daily_prices", symbols=["AAPL", "IBM"], start="2012-01-03")
    return listed


def test_averages_are_those_of_pandas_on_all_recorded_symbols(listed: Workbench) -> None:
    listed.run("load_daily_prices", start="2000-03-01")
    result = listed.run(JOB)
    assert result.inserted == listed.count("daily_ma") == 12_154
    assert_same(listed)


def test_only_what_changed_is_computed(priced: Workbench) -> None:
    priced.run(JOB)
    before = priced.rows("daily_ma")
    priced.database.execute(
        "UPDATE daily_prices SET close = close + 1, updated_at = now() WHERE symbol = 'IBM' AND date = '2013-02-20'"
    )
    assert priced.run(JOB).total == 8
    assert_same(priced)
    touched = [row for row, old in zip(priced.rows("daily_ma"), before, strict=True) if row != old]
    assert {(row["symbol"], str(row["date"])) for row in touched} == {
        ("IBM", f"2013-{day}")
        for day in ("02-20", "02-21", "02-22", "02-25", "02-26", "02-27", "02-28", "03-01")
    }


def test_new_prices_get_their_averages_from_the_sessions_before(priced: Workbench) -> None:
    priced.database.execute("DELETE FROM daily_prices WHERE date > '2013-02-20'")
    priced.run(JOB)
    priced.run("load_daily_prices", symbols=["AAPL", "IBM"])
    assert priced.run(JOB).inserted == 2 * 7
    assert_same(priced)


def test_a_gap_that_is_filled_moves_the_averages_after_it(priced: Workbench) -> None:
    priced.database.execute("DELETE FROM daily_prices WHERE symbol = 'IBM' AND date = '2013-02-12'")
    priced.run(JOB)
    priced.run("load_daily_prices", symbols=["IBM"])
    priced.run(JOB)
    assert_same(priced)


def test_doing_it_again_computes_nothing_and_force_changes_no_row(priced: Workbench) -> None:
    priced.run(JOB)
    before = priced.rows("daily_ma")
    assert priced.run(JOB).total == 0
    forced = priced.run(JOB, force=True)
    assert (forced.inserted, forced.updated, forced.unchanged) == (0, 0, len(before))
    assert priced.rows("daily_ma") == before


def test_a_price_that_changed_in_its_volume_only_is_looked_at_once(priced: Workbench) -> None:
    priced.run(JOB)
    values = priced.values("daily_ma")
    priced.database.execute(
        "UPDATE daily_prices SET volume = 1, updated_at = now() WHERE date = '2013-02-20'"
    )
    assert priced.run(JOB).total == 2 * 8
    assert priced.run(JOB).total == 0
    assert priced.values("daily_ma") == values


def test_averages_wait_for_prices_that_are_being_written(priced: Workbench) -> None:
    priced.run(JOB)
    with ThreadPoolExecutor(1) as pool:
        with priced.database.connection() as connection:
            connection.execute("LOCK TABLE daily_prices IN ROW EXCLUSIVE MODE")
            building = pool.submit(priced.run, JOB)
            connection.execute(
                "UPDATE daily_prices SET close = close + 1, updated_at = now() WHERE date = '2013-03-01'"
            )
            with pytest.raises(NotYet):
                building.result(0.5)
        assert building.result(60).total == 2
    assert_same(priced)
