"""The whole DAG: what it lands where, and that doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace

import pytest

from tests.market import FRIDAY, Market, Run, recorded_rows

pytestmark = pytest.mark.integration
SYMBOLS = ["AAPL", "IBM"]
FIRST = "2012-12-03"
ALL_TASKS = {
    "resolve_request", "plan_chunks", "extract_chunk", "write_manifests", "wait_for_manifest", "check_failures",
    "curate_days", "load_files", "close_run",
}  # fmt: skip


@pytest.fixture(scope="module")
def quarter(make_market: Callable[..., Market]) -> SimpleNamespace:
    """Three months of two symbols, run once and then again."""
    market = make_market()
    market.forget_source_state()
    market.control("DELETE", "/_requests")
    first = market.run(symbols=SYMBOLS, start=FIRST)
    seen = SimpleNamespace(market=market, first=first, rows=market.rows(), audit=market.audit())
    seen.requests = market.control("GET", "/_requests")
    seen.raw, seen.curated = market.raw_listing(), market.curated_files()
    seen.second = market.run(symbols=SYMBOLS, start=FIRST)
    return seen


def test_every_task_is_green(quarter: SimpleNamespace) -> None:
    run: Run = quarter.first
    assert run.state == "success"
    assert set(run.tasks) == ALL_TASKS
    assert {state for states in run.tasks.values() for state in states} == {"success"}


def test_the_warehouse_has_the_recorded_rows_and_no_others(quarter: SimpleNamespace) -> None:
    expected = recorded_rows(SYMBOLS, FIRST)
    assert len(expected) == 2 * 61
    assert quarter.rows == expected


def test_a_symbol_costs_one_request(quarter: SimpleNamespace) -> None:
    assert quarter.requests["symbols"] == {"AAPL": 1, "IBM": 1}
    assert quarter.requests["kinds"]["chart"] == 2


def test_each_session_has_a_raw_object_a_symbol_a_manifest_and_a_curated_file(
    quarter: SimpleNamespace,
) -> None:
    market: Market = quarter.market
    days = sorted({row[1] for row in quarter.rows})
    manifests = market.manifests()
    assert sorted(map(str, manifests)) == days
    for ds, manifest in manifests.items():
        keys = [market.table.object_key(ds, symbol) for symbol in SYMBOLS]
        assert [(entry.symbol, entry.key, entry.records) for entry in manifest.objects] == [
            (symbol, key, 1) for symbol, key in zip(SYMBOLS, keys, strict=True)
        ]
        assert set(keys) <= set(quarter.raw)
    assert set(quarter.curated) == {market.table.curated.part_key(ds) for ds in manifests}


def test_each_file_is_audited_once_with_its_etag(quarter: SimpleNamespace) -> None:
    assert quarter.audit == sorted((key, etag.strip('"')) for key, (etag, _) in quarter.curated.items())


def test_a_second_run_writes_nothing_and_loads_nothing(quarter: SimpleNamespace) -> None:
    market: Market = quarter.market
    assert quarter.second.state == "success"
    assert quarter.second.results["extract_chunk"] == [{"skipped": 122}]
    assert quarter.second.results["load_files"] == [{"loaded": 0, "skipped": 61, "rows": 0}]
    assert market.raw_listing() == quarter.raw
    assert market.curated_files() == quarter.curated
    assert market.rows() == quarter.rows
    assert market.audit() == quarter.audit


def test_the_glue_table_and_its_partitions_exist(quarter: SimpleNamespace) -> None:
    glue = quarter.market.aws.client("glue")
    name = quarter.market.table_name
    columns = glue.get_table(DatabaseName="market", Name=name)["Table"]["StorageDescriptor"]["Columns"]
    assert [column["Name"] for column in columns][:2] == ["symbol", "timestamp"]
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName="market", TableName=name)
    days = [partition["Values"] for page in pages for partition in page["Partitions"]]
    assert sorted(days) == sorted([str(ds)] for ds in quarter.market.manifests())


def test_a_run_for_another_symbol_keeps_the_others_rows(market: Market) -> None:
    """ADR 0003: the day's manifest is the union over its batches."""
    assert market.run(symbols=["AAPL"], start="2013-02-25").state == "success"
    assert market.run(symbols=["MSFT"], start="2013-02-25").state == "success"
    assert market.rows() == recorded_rows(["AAPL", "MSFT"], "2013-02-25")
    assert [entry.symbol for entry in market.manifest().objects] == ["AAPL", "MSFT"]
    assert market.manifest().revision == 2


@pytest.mark.parametrize("conf", [{"file_format": "csv"}, {"compression": "gzip"}], ids=str)
def test_every_format_gives_the_same_rows(market: Market, conf: dict[str, str]) -> None:
    assert market.run(symbols=SYMBOLS, start="2013-02-25", **conf).state == "success"
    suffix = ".csv" if "file_format" in conf else ".json.gz"
    assert {key.partition("/day=")[2][3:] for key in market.raw_objects()} == {
        f"{s}{suffix}" for s in SYMBOLS
    }
    assert market.rows() == recorded_rows(SYMBOLS, "2013-02-25")


def test_overwrite_fetches_what_exists_again(market: Market) -> None:
    first = market.run(symbols=["AAPL"], start="2013-02-28")
    key = market.table.object_key(FRIDAY, "AAPL")
    good = market.raw.read(key)
    market.raw.write(key, good.replace(b'"AAPL"', b'"WRONG"'))
    plain = market.run(symbols=["AAPL"], start="2013-02-28")
    assert plain.results["extract_chunk"] == [{"skipped": 2}]
    assert market.raw.read(key) != good
    again = market.run(symbols=["AAPL"], start="2013-02-28", override_config={"overwrite": True})
    assert (first.state, again.state) == ("success", "success")
    assert again.results["extract_chunk"] == [{"written": 2}]
    assert market.raw.read(key) == good
    assert market.rows() == recorded_rows(["AAPL"], "2013-02-28")


def test_a_symbol_without_bars_leaves_a_manifest_without_objects(market: Market) -> None:
    """FB was listed in 2012: that is no failure, and the run's own day still has its manifest."""
    run = market.run(day=date(2011, 3, 1), symbols=["FB"], period="1d")
    assert run.state == "success"
    assert run.results["extract_chunk"] == [{"empty": 1}]
    manifest = market.manifest(date(2011, 3, 1))
    assert manifest.objects == []
    assert [(entry.symbol, entry.error) for entry in manifest.failed_symbols] == [("FB", "NoBars")]
    assert market.raw_objects() == {}
    assert run.tasks["load_files"] == ["skipped"]


def test_a_run_on_a_holiday_is_for_the_session_before(market: Market) -> None:
    run = market.run(day=date(2013, 1, 1), symbols=["AAPL"], period="1d")
    assert run.state == "success"
    assert list(market.manifests()) == [date(2012, 12, 31)]
    assert market.rows() == recorded_rows(["AAPL"], "2012-12-31", "2012-12-31")
