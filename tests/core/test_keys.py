"""Every key of the lake, as the seeds spell it (000 §4, 002 "Event Triggers")."""

from __future__ import annotations

from datetime import date

import pytest

from include.core.keys import (
    SYMBOL_PATTERN,
    BatchFiles,
    CuratedTable,
    RawTable,
    key_of,
    parse_manifest_key,
    segment,
)

DAY = date(2025, 9, 9)
RAW = RawTable("market", "prices", "1d", "yahoo_finance")
FOLDER = "market/prices/interval=1d/data_source=yahoo_finance/year=2025/month=09/day=09/"
CURATED = CuratedTable("market", "prices")
BATCH = "market:prices:2025-09-09:manual__2025-09-09T13:00:00+00:00"
BATCH_SEGMENT = "market-prices-2025-09-09-manual__2025-09-09T13-00-00-00-00"


def test_the_manifest_key_is_the_one_of_seed_000() -> None:
    assert RAW.manifest_key(DAY) == (
        "market/prices/interval=1d/data_source=yahoo_finance/year=2025/month=09/day=09/_batch.manifest.json"
    )


def test_a_manifests_key_says_of_which_table_and_day_it_is() -> None:
    assert parse_manifest_key(RAW.manifest_key(DAY)) == (RAW, DAY)


@pytest.mark.parametrize(
    "key",
    [
        RAW.manifest_key(DAY).replace("day=09", "day=32"),
        RAW.manifest_key(DAY).replace("interval=1d", "interval="),
        RAW.manifest_key(DAY).replace("_batch", "batch"),
        f"old/{RAW.manifest_key(DAY)}",
        f"{RAW.manifest_key(DAY)}\n",
        FOLDER,
        "",
    ],
)
def test_no_other_key_is_a_manifests(key: str) -> None:
    with pytest.raises(ValueError, match=r"is not <domain>|names no day"):
        parse_manifest_key(key)


@pytest.mark.parametrize(
    ("file_format", "compressed", "name"),
    [
        ("json", False, "AAPL.json"),
        ("json", True, "AAPL.json.gz"),
        ("csv", False, "AAPL.csv"),
        ("csv", True, "AAPL.csv.gz"),
    ],
)
def test_a_raw_object_is_named_by_symbol_format_and_compression(
    file_format: str, compressed: bool, name: str
) -> None:
    key = RAW.object_key(DAY, "AAPL", file_format=file_format, compressed=compressed)  # type: ignore[arg-type]
    assert key == FOLDER + name


def test_curated_keys() -> None:
    assert CURATED.part_key(date(2025, 9, 10), 1) == "market/prices/ds=2025-09-10/part-001.parquet"
    assert CURATED.part_key(DAY) == "market/prices/ds=2025-09-09/part-000.parquet"
    assert CURATED.fingerprint_key == "market/prices/_schema_fingerprint.json"


def test_rejected_rows_lie_where_no_domain_rule_matches() -> None:
    assert CURATED.quarantine_key(DAY, BATCH) == (
        f"_quarantine/market/prices/ds=2025-09-09/{BATCH_SEGMENT}.parquet"
    )
    assert CURATED.quality_key(DAY, BATCH) == f"_quality/market/prices/ds=2025-09-09/{BATCH_SEGMENT}.json"


def test_batch_papers() -> None:
    papers = BatchFiles(BATCH)
    folder = f"_batches/{BATCH_SEGMENT}/"
    assert papers.plan_key == f"{folder}plan.json"
    assert papers.receipt_key(3) == f"{folder}receipts/chunk-0003.parquet"
    assert papers.transform_key(12) == f"{folder}transform/group-0012.json"
    assert papers.curated_key(0) == f"{folder}curated/group-0000.json"


@pytest.mark.parametrize(("interval", "table"), [("1d", "prices"), ("1h", "prices_1h"), ("5m", "prices_5m")])
def test_each_interval_but_1d_has_a_curated_table_of_its_own(interval: str, table: str) -> None:
    assert RawTable("market", "prices", interval, "yahoo_finance").curated == CuratedTable("market", table)


def test_months_and_days_have_two_digits() -> None:
    assert RAW.day_prefix(date(2013, 3, 1)).endswith("year=2013/month=03/day=01/")


@pytest.mark.parametrize("symbol", ["AAPL", "BRK-B", "005930.KS", "^GSPC", "EURUSD=X"])
def test_symbols_of_yahoo_are_symbols(symbol: str) -> None:
    assert SYMBOL_PATTERN.match(symbol)


@pytest.mark.parametrize("symbol", ["", "aapl", ".A", "../A", "A/B", "A B", "A" * 21, "A\n"])
def test_what_is_no_harmless_segment_of_a_key_is_no_symbol(symbol: str) -> None:
    assert not SYMBOL_PATTERN.fullmatch(symbol)


def test_a_segment_has_no_slash_and_no_colon() -> None:
    assert segment("a/b:c d+e") == "a-b-c-d-e"


def test_the_key_of_a_uri() -> None:
    assert key_of("s3://bucket/market/prices/x.json") == "market/prices/x.json"
