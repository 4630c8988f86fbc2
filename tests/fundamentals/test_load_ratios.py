"""`load_ratios` on a real database: each symbol's ratios once a day, and None for what is no number."""

from __future__ import annotations

from datetime import date

import pytest

from include.core.errors import CredentialsMissing
from tests.fundamentals.workbench import DAY, Workbench

pytestmark = pytest.mark.integration
JOB = "load_ratios"


def test_each_active_symbol_gets_its_ratios_of_the_day(listed: Workbench) -> None:
    listed.database.execute("UPDATE symbols SET is_active = false WHERE symbol = 'FB'")
    listed.run(JOB)
    found = {row["symbol"]: row for row in listed.values("ratios")}
    assert set(found) == {"AAPL", "GOOG", "IBM", "MSFT"}
    assert {row["as_of"] for row in found.values()} == {DAY}
    assert all(row["net_margin"] is not None for row in found.values())


def test_what_is_no_finite_number_is_missing_and_counted(listed: Workbench) -> None:
    listed.source.commit("symbol:IBM=nan")
    result = listed.run(JOB, symbols=["IBM"])
    (row,) = listed.values("ratios")
    absent = {name for name, value in row.items() if value is None}
    assert len(absent) == 4
    assert result.missing_fields == dict.fromkeys(absent, 1)
    assert (result.total, result.invalid) == (1, 0)


def test_a_symbol_without_ratios_is_counted_and_has_no_row(listed: Workbench) -> None:
    listed.source.commit("symbol:IBM=empty")
    result = listed.run(JOB, symbols=["IBM", "AAPL"])
    assert result.empty_symbols == 1
    assert {row["symbol"] for row in listed.values("ratios")} == {"AAPL"}


def test_doing_it_again_asks_for_nothing_and_another_day_is_another_row(listed: Workbench) -> None:
    listed.run(JOB)
    before = listed.rows("ratios")
    listed.source.heal()
    assert listed.run(JOB).total == 0
    assert not listed.source.replay.kinds
    forced = listed.run(JOB, force=True)
    assert (forced.inserted, forced.updated, forced.unchanged) == (0, 0, 5)
    assert listed.rows("ratios") == before
    listed.run(JOB, day=date(2013, 3, 8))
    assert listed.count("ratios") == 10


def test_a_refused_key_ends_the_job_at_once(listed: Workbench) -> None:
    listed.source.commit("rate:401=1")
    with pytest.raises(CredentialsMissing):
        listed.run(JOB)
    assert sum(listed.source.replay.symbols.values()) <= 4
    assert listed.count("ratios") == 0
