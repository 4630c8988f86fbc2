"""A source that answers 429 and 500, and symbols it lost or garbles: the run ends right, nothing is lost or doubled."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from benchmarks.universe import symbols_of, write_universe
from devstack.replay.app import Replay, create_app
from devstack.replay.prices import load_prices
from devstack.replay.server import running
from tests.market import Market, Row, applied

pytestmark = pytest.mark.integration
GOOD = symbols_of(35)
GONE, GARBLED = "GONE", GOOD[7]
NULLS, NEGATIVE, HUNDREDFOLD = GOOD[11], GOOD[12], GOOD[13]
SICK = ["seed:3", "rate:429=0.1", "rate:500=0.05", f"symbol:{GONE}=delisted", f"symbol:{GARBLED}=malformed"]
START = "2013-02-15"
SESSIONS = 10
ASKED = {"symbols": [*GOOD, GONE], "start": START, "override_config": {"chunk_size": 12}}


@pytest.fixture(scope="module")
def universe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_universe(tmp_path_factory.mktemp("universe") / "prices.parquet", symbols=35)


@contextmanager
def source(universe: Path, *faults: str) -> Iterator[Replay]:
    """Have the pipeline ask a replay of the universe with the faults."""
    app = create_app(load_prices(universe), faults)
    with (
        running(app) as url,
        applied({"AIRFLOW_CONN_YAHOO_DEFAULT": f'{{"conn_type": "http", "host": "{url}"}}'}),
    ):
        yield app


def rows_of(universe: Path, *left_out: str) -> list[Row]:
    """Return the universe's rows as the warehouse should have them: prices with the digits of their float32."""
    frame = pl.read_parquet(universe).filter(
        (pl.col("date") >= pl.lit(START).str.to_date()) & ~pl.col("symbol").is_in(left_out)
    )
    return [
        (
            row["symbol"],
            str(row["date"]),
            *(float(str(np.float32(row[name]))) for name in ("open", "high", "low", "close")),
            pytest.approx(row["adj_close"], rel=1e-6),
            row["volume"],
        )
        for row in frame.sort("symbol", "date").iter_rows(named=True)
    ]  # type: ignore[return-value]


@pytest.fixture(scope="module")
def sick(make_market: Callable[..., Market], universe: Path) -> SimpleNamespace:
    """One run against the sick source, with the default limit of failed symbols."""
    market = make_market()
    market.forget_source_state()
    market.dead_letters()
    with source(universe, *SICK) as replay:
        run = market.run(**ASKED)
    return SimpleNamespace(market=market, run=run, replay=replay, letters=market.dead_letters())


def test_a_run_with_too_many_failed_symbols_is_red_after_everything_else_is_done(
    sick: SimpleNamespace,
) -> None:
    states = {task: set(states) for task, states in sick.run.tasks.items()}
    assert sick.run.state == "failed"
    assert [task for task, found in states.items() if found != {"success"}] == ["check_failures"]


def test_the_manifests_name_exactly_the_failed_symbols(sick: SimpleNamespace) -> None:
    manifests = sick.market.manifests()
    assert len(manifests) == SESSIONS
    for manifest in manifests.values():
        named = [(entry.symbol, entry.error) for entry in manifest.failed_symbols]
        assert named == [(GONE, "SymbolNotFound"), (GARBLED, "MalformedAnswer")]
        assert [entry.symbol for entry in manifest.objects] == [name for name in GOOD if name != GARBLED]


def test_the_dead_letters_name_exactly_the_failed_symbols(sick: SimpleNamespace) -> None:
    named = [(entry["symbol"], entry["error"]) for letter in sick.letters for entry in letter["symbols"]]
    assert sorted(named) == [(GONE, "SymbolNotFound"), (GARBLED, "MalformedAnswer")]
    attempts = {entry["symbol"]: letter["attempts"] for letter in sick.letters for entry in letter["symbols"]}
    assert attempts == {GONE: 1, GARBLED: 5}


def test_the_rows_of_all_others_are_exact_and_none_is_doubled(sick: SimpleNamespace, universe: Path) -> None:
    assert sick.market.rows() == rows_of(universe, GARBLED)


def test_only_what_may_succeed_is_asked_again(sick: SimpleNamespace) -> None:
    asked = sick.replay.symbols
    assert asked[GONE] <= 3  # once, and once more for each 429 or 500 on the way
    assert asked[GARBLED] == 5 * 3
    assert sum(asked[name] for name in GOOD if name != GARBLED) < 2 * len(GOOD)


def test_a_healthy_rerun_adds_what_was_missing(sick: SimpleNamespace, universe: Path) -> None:
    market = sick.market
    with source(universe):
        run = market.run(force_symbols=[GARBLED], start=START)
    assert run.state == "success"
    assert market.rows() == rows_of(universe)
    assert {entry.symbol for m in market.manifests().values() for entry in m.failed_symbols} == {GONE}


def test_as_many_failed_symbols_as_allowed_leave_the_run_green(market: Market, universe: Path) -> None:
    conf = {**ASKED, "override_config": {"chunk_size": 12, "max_failed_ratio": 0.06}}
    with source(universe, *SICK[3:]):
        run = market.run(**conf)
    assert run.state == "success"
    assert run.results["check_failures"] == [2]
    assert market.rows() == rows_of(universe, GARBLED)


def test_bad_prices_are_quarantined_by_name_and_all_others_loaded(market: Market, universe: Path) -> None:
    bad = [f"symbol:{NULLS}=null_prices", f"symbol:{NEGATIVE}=negative", f"symbol:{HUNDREDFOLD}=x100"]
    with source(universe, *bad):
        run = market.run(symbols=GOOD, start=START)
    assert run.state == "success"
    middle = "2013-02-22"  # of the days that are answered, one more than asked
    wrong = {(NEGATIVE, middle), (HUNDREDFOLD, middle)}
    assert market.rows() == [row for row in rows_of(universe, NULLS) if row[:2] not in wrong]
    prefix = f"_quarantine/{market.table.curated.prefix}"
    (key,) = market.listing(market.settings.curated_bucket, prefix)
    rejected = pl.read_parquet(io.BytesIO(market.curated.read(key)))
    reasons = {(row["symbol"], str(row["ds"])): row["reason"] for row in rejected.iter_rows(named=True)}
    assert set(reasons) == wrong
    assert "nonpositive_price" in reasons[NEGATIVE, middle]
    assert "unexplained_jump" in reasons[HUNDREDFOLD, middle]
    for manifest in market.manifests().values():
        assert [(entry.symbol, entry.error) for entry in manifest.failed_symbols] == [
            (NULLS, "prices_missing")
        ]


def test_a_source_that_is_down_is_left_alone_after_five_symbols(market: Market, universe: Path) -> None:
    """The circuit opens: later attempts ask nothing, and the run ends with every symbol named."""
    with source(universe, "rate:500=1") as replay:
        run = market.run(symbols=GOOD, start=START, override_config={"chunk_size": 35})
        assert run.state == "failed"
    assert (
        15 <= replay.kinds["chart"] < 3 * 12
    )  # four threads at a time, three quick attempts, five task attempts
    named = [(entry.symbol, entry.error) for entry in market.manifest().failed_symbols]
    assert named == [(symbol, "CircuitOpen") for symbol in GOOD]
