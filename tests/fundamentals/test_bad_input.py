"""What a source or a database that fails does to a job: the table of docs/runbooks/fundamentals.md, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from include.clients.postgres import upsert as upsert_module
from include.clients.postgres.client import connect
from include.core.errors import CredentialsMissing, DatabaseUnavailable, TapelineError
from include.fundamentals.run import SymbolsLeft
from tests.fundamentals.workbench import Workbench

pytestmark = pytest.mark.integration
ASKED: dict[str, dict[str, Any]] = {
    "load_daily_prices": {"symbols": ["AAPL", "IBM"], "start": "2013-02-01"},
    "load_ratios": {"symbols": ["AAPL", "IBM"]},
}
TABLE = {"load_daily_prices": "daily_prices", "load_ratios": "ratios"}
PASSING = {
    "429": "RateLimited", "500": "SourceUnavailable", "502": "SourceUnavailable", "503": "SourceUnavailable",
    "malformed": "MalformedAnswer", "truncated": "MalformedAnswer", "reset": "SourceUnavailable",
}  # fmt: skip
LASTING = {"402": "NotInPlan", "404": "SymbolNotFound", "wrong_symbol": "WrongAnswer"}


def loaded(bench: Workbench, job: str) -> set[str]:
    return {row["symbol"] for row in bench.values(TABLE[job])}


@pytest.mark.parametrize(
    ("job", "fault"),
    [
        *(("load_daily_prices", fault) for fault in PASSING),
        ("load_ratios", "429"),
        ("load_ratios", "malformed"),
    ],
)
def test_what_may_pass_is_tried_again_and_counted_when_no_attempt_is_left(
    listed: Workbench, job: str, fault: str
) -> None:
    listed.source.commit(f"symbol:IBM={fault}")
    with pytest.raises(SymbolsLeft, match=rf"IBM \({PASSING[fault]}\)"):
        listed.run(job, last_attempt=False, **ASKED[job])
    assert loaded(listed, job) == {"AAPL"}
    result = listed.run(job, **ASKED[job])
    assert (result.failed_symbols, result.failures) == (1, {"IBM": PASSING[fault]})
    assert loaded(listed, job) == {"AAPL"}


@pytest.mark.parametrize("job", list(ASKED))
@pytest.mark.parametrize("fault", list(LASTING))
def test_what_lasts_is_one_symbols_failure(listed: Workbench, job: str, fault: str) -> None:
    listed.source.commit(f"symbol:IBM={fault}")
    result = listed.run(job, last_attempt=False, **ASKED[job])
    assert (result.failed_symbols, result.failures) == (1, {"IBM": LASTING[fault]})
    assert loaded(listed, job) == {"AAPL"}


@pytest.mark.parametrize("job", list(ASKED))
@pytest.mark.parametrize("fault", ["401", "403"])
def test_a_key_that_is_refused_ends_the_job_and_leaves_its_table(
    listed: Workbench, job: str, fault: str
) -> None:
    listed.source.commit(f"symbol:IBM={fault}")
    with pytest.raises(CredentialsMissing):
        listed.run(job, **ASKED[job])
    assert listed.count(TABLE[job]) == 0


@pytest.mark.parametrize("fault", ["401", "402", "404", "429", "500", "malformed", "empty"])
def test_symbols_stay_as_they_are_where_one_exchange_fails(listed: Workbench, fault: str) -> None:
    before = listed.rows("symbols")
    listed.source.commit(f"symbol:NYSE={fault}")
    with pytest.raises(TapelineError):
        listed.run("load_symbols")
    assert listed.rows("symbols") == before


def drop_in_mid_copy(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the database end the connection of whoever has sent some of a COPY."""
    whole = upsert_module.encode

    def encode(*arguments: Any) -> Iterator[bytes]:
        pieces = whole(*arguments)
        yield next(pieces)[:100]
        with connect(bench.database.address, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        yield from pieces

    monkeypatch.setattr(upsert_module, "encode", encode)


@pytest.mark.parametrize("job", ["load_symbols", "load_daily_prices", "load_ratios", "build_daily_ma"])
def test_a_database_that_drops_the_connection_in_mid_copy_leaves_the_tables(
    listed: Workbench, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    listed.run("load_daily_prices", **ASKED["load_daily_prices"])
    before = listed.everything()
    with monkeypatch.context() as faulty:
        drop_in_mid_copy(listed, faulty)
        with pytest.raises(DatabaseUnavailable):
            listed.run(job, force=True, symbols=["AAPL", "IBM"])
    assert listed.everything() == before
    listed.run(job, symbols=["AAPL", "IBM"])
