"""The transform as a whole, against a real S3: what is published, what is kept back, and what a rerun does."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from include.core.contracts import FailedSymbol
from include.core.errors import InvalidRequest, ManifestMissing, ObjectCorrupt, QualityBelowThreshold
from include.prices import raw_reader
from include.prices.schema import COLUMNS, SCHEMA

if TYPE_CHECKING:
    from conftest import Lake  # the fixture's type, for readers

    MakeBars = Callable[..., pl.DataFrame]

pytestmark = pytest.mark.integration
DAYS = [date(2013, 2, 26), date(2013, 2, 27), date(2013, 2, 28), date(2013, 3, 1)]


def some(recorded: pl.DataFrame, first: date, last: date = DAYS[-1]) -> pl.DataFrame:
    return recorded.filter(pl.col("timestamp").dt.date().is_between(first, last))


def test_every_day_becomes_one_file_with_all_its_rows(lake: Lake, recorded: pl.DataFrame) -> None:
    bars = some(recorded, date(2012, 12, 3))
    days = lake.put(bars)
    result = lake.curate(days)
    assert [file.key for file in result.files] == [lake.target.part_key(ds) for ds in days]
    assert (result.rows, result.quarantined, result.missing) == (bars.height, 0, 0)
    assert pl.concat([lake.rows(ds) for ds in days]).equals(bars.sort("timestamp", "symbol"))
    for file in result.files:
        info = lake.curated.head(file.key)
        assert info is not None
        assert (info.etag, info.size) == (file.etag, file.size)


def test_a_file_has_the_fixed_schema_and_compression(lake: Lake, make_bars: MakeBars, tmp_path: Any) -> None:
    lake.curate(lake.put(make_bars("AAPL", DAYS[3])))
    path = tmp_path / "part.parquet"
    path.write_bytes(lake.curated.read(lake.target.part_key(DAYS[3])))
    file = pq.ParquetFile(path)
    assert file.schema_arrow.equals(SCHEMA)
    assert file.metadata.row_group(0).column(3).compression == "ZSTD"
    assert path.stat().st_size > 1024  # what the load rule's filter lets through, be it one row


def test_a_rerun_leaves_every_file_as_it_is(lake: Lake, recorded: pl.DataFrame) -> None:
    days = lake.put(some(recorded, DAYS[0]))
    first = lake.curate(days)
    before = {info.key: (info.etag, info.size) for info in lake.curated.list_objects("market/")}
    again = lake.curate(days, batch_id="another")
    assert again.files == first.files
    assert {info.key: (info.etag, info.size) for info in lake.curated.list_objects("market/")} == before


def test_the_same_rows_give_the_same_bytes_however_raw_is_written_and_days_are_grouped(
    lake: Lake, recorded: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = some(recorded, date(2013, 2, 1))
    days = lake.put(bars)
    whole = {file.key: file.etag for file in lake.curate(days).files}
    for info in list(lake.curated.list_objects("market/")):
        lake.curated.delete(info.key)
    lake.put(bars.filter(pl.col("symbol") < "G"), file_format="csv", compressed=True)
    lake.put(bars, file_format="csv")
    monkeypatch.setattr(raw_reader, "ROWS_AT_A_TIME", 12)
    parts = [lake.curate(days[:7]), lake.curate(days[7:])]
    assert {file.key: file.etag for part in parts for file in part.files} == whole


def test_bad_rows_go_to_the_quarantine_with_their_reason(lake: Lake, make_bars: MakeBars) -> None:
    good = pl.concat([make_bars(f"S{n}", *DAYS) for n in range(10)])
    days = lake.put(pl.concat([good, make_bars("BAD", DAYS[3], low=12.0, volume=-5)]))
    result = lake.curate(days)
    assert (result.rows, result.quarantined) == (40, 1)
    assert "BAD" not in lake.rows(DAYS[3])["symbol"]
    kept = pl.read_parquet(lake.curated.read(lake.target.quarantine_key(DAYS[3], "b1")))
    assert kept.select("symbol", "reason", "volume").rows() == [
        ("BAD", "negative_volume,price_out_of_range", -5)
    ]
    record = json.loads(lake.curated.read(lake.target.quality_key(DAYS[3], "b1")))
    assert record["invalid_by_reason"] == {"negative_volume": 1, "price_out_of_range": 1}
    assert (record["rows"], record["valid"], record["passed"]) == (41, 40, True)
    assert record["by_day"]["2013-03-01"]["invalid"] == 1


def test_above_the_threshold_nothing_is_published_but_the_evidence_is(
    lake: Lake, make_bars: MakeBars
) -> None:
    days = lake.put(pl.concat([make_bars("AAPL", *DAYS), make_bars("BAD", DAYS[3], close=None)]))
    with pytest.raises(QualityBelowThreshold) as caught:
        lake.curate(days)
    for part in (
        "1 of 5 rows",
        "20.0%",
        "5.0%",
        "1 null_field",
        "_quarantine/market/prices/",
        "max_invalid_ratio",
    ):
        assert part in str(caught.value)
    assert lake.keys() == set()
    assert json.loads(lake.curated.read(lake.target.quality_key(DAYS[3], "b1")))["passed"] is False
    assert lake.curate(days, max_invalid_ratio=0.2).rows == 4


def corrupt_objects(lake: Lake) -> dict[str, bytes | None]:
    whole = lake.raw.read(lake.table.object_key(DAYS[3], "S0", compressed=True))
    return {"S1": whole[:-4], "S2": b"<html>", "S3": None}


def test_corrupt_and_missing_objects_are_named_and_cost_only_their_own_rows(
    lake: Lake, make_bars: MakeBars
) -> None:
    days = lake.put(pl.concat([make_bars(f"S{n}", *DAYS) for n in range(20)]), compressed=True)
    for symbol, data in corrupt_objects(lake).items():
        key = lake.table.object_key(DAYS[3], symbol, compressed=True)
        lake.raw.write(key, data) if data else lake.raw.delete(key)
    result = lake.curate(days)
    assert (result.rows, result.quarantined) == (77, 3)
    assert lake.rows(DAYS[3])["symbol"].sort().to_list() == sorted(
        {f"S{n}" for n in range(20)} - {"S1", "S2", "S3"}
    )
    kept = pl.read_parquet(lake.curated.read(lake.target.quarantine_key(DAYS[3], "b1")))
    assert kept.select("symbol", "reason").rows() == [
        ("S1", "corrupt_object"), ("S2", "corrupt_object"), ("S3", "missing_object"),
    ]  # fmt: skip
    with pytest.raises(QualityBelowThreshold, match=r"S1\.json\.gz: the gzip is cut off") as caught:
        lake.curate(days, max_invalid_ratio=0.01)
    assert "S3.json.gz does not exist" in str(caught.value)


def test_a_value_of_the_wrong_type_condemns_its_object_only(lake: Lake, make_bars: MakeBars) -> None:
    days = lake.put(pl.concat([make_bars(f"S{n}", *DAYS) for n in range(10)]))
    key = lake.table.object_key(DAYS[2], "S4")
    lake.raw.write(key, lake.raw.read(key).replace(b"10.5", b"true"))
    result = lake.curate(days)
    assert result.rows == 39
    assert [key in detail for detail in result.metrics["lost_objects"]] == [True]  # type: ignore[attr-defined]


def test_an_unexplained_jump_is_quarantined_also_on_the_first_day_of_a_group(
    lake: Lake, recorded: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = pl.when((pl.col("symbol") == "IBM") & (pl.col("timestamp").dt.date() == DAYS[2]))
    prices = pl.col("open", "high", "low", "close", "adjusted_close")
    days = lake.put(some(recorded, DAYS[0]).with_columns(wrong.then(prices * 100).otherwise(prices)))
    for group in (days, days[2:], days[2:3]):
        result = lake.curate(group, max_invalid_ratio=0.2)
        assert result.metrics["invalid_by_reason"] == {"unexplained_jump": 1}
    assert lake.curate(days[3:]).rows == 5  # the good bar after the bad one is not accused
    monkeypatch.setattr(raw_reader, "ROWS_AT_A_TIME", 5)  # a pass a day
    assert lake.curate(days).metrics["invalid_by_reason"] == {"unexplained_jump": 1}


def test_a_holiday_makes_no_file(lake: Lake) -> None:
    holiday = date(2013, 2, 18)
    lake.put_manifest(holiday, [])
    result = lake.curate([holiday])
    assert (result.files, result.rows, lake.keys()) == ([], 0, set())


def test_a_day_whose_rows_are_all_gone_takes_its_file_back(lake: Lake, make_bars: MakeBars) -> None:
    days = lake.put(make_bars("AAPL", DAYS[3]))
    lake.curate(days)
    lake.put_manifest(DAYS[3], [], revision=2)
    assert [file.rows for file in lake.curate(days).files] == [0]
    assert lake.rows(DAYS[3]).select(COLUMNS).height == 0


def test_a_session_that_the_manifest_calls_missing_counts_as_invalid(lake: Lake, make_bars: MakeBars) -> None:
    days = lake.put(pl.concat([make_bars("AAPL", *DAYS), make_bars("IBM", *DAYS[:3])]))
    failed = [FailedSymbol(symbol="IBM", error="MissingSession", message="no bar")]
    lake.put_manifest(DAYS[3], lake.manifest(DAYS[3]).objects, failed=failed)
    with pytest.raises(QualityBelowThreshold, match="1 missing session"):
        lake.curate(days)
    result = lake.curate(days, max_invalid_ratio=0.2)
    assert (result.missing, result.metrics["absent"]) == (1, 0)


def test_a_symbol_that_is_merely_absent_is_told_but_not_counted(lake: Lake, make_bars: MakeBars) -> None:
    days = lake.put(pl.concat([make_bars("AAPL", *DAYS), make_bars("IBM", *DAYS[:3])]))
    for group in (days, days[3:]):
        assert lake.curate(group).metrics["absent_symbols"] == ["2013-03-01 IBM"]


def test_intraday_bars_go_to_a_table_of_their_own(lake: Lake, make_bars: MakeBars) -> None:
    lake.table = type(lake.table)("market", "prices", "1h", "yahoo_finance")
    stamps = [datetime(2013, 3, 1, hour, 30, tzinfo=timezone.utc) for hour in (14, 15, 16)]
    days = lake.put(make_bars("AAPL", *DAYS[:3], timestamp=stamps))
    assert lake.curate(days).files[0].key == "market/prices_1h/ds=2013-03-01/part-000.parquet"
    assert lake.rows(DAYS[3]).height == 3


def test_a_manifest_that_is_missing_or_not_ours_is_named(lake: Lake, make_bars: MakeBars) -> None:
    with pytest.raises(ManifestMissing, match=r"day=01/_batch\.manifest\.json does not exist"):
        lake.curate([DAYS[3]])
    lake.raw.write(lake.table.manifest_key(DAYS[3]), b"{}")
    with pytest.raises(ObjectCorrupt, match="is not a manifest"):
        lake.curate([DAYS[3]])
    lake.put(make_bars("AAPL", DAYS[2]))
    lake.raw.write(lake.table.manifest_key(DAYS[3]), lake.raw.read(lake.table.manifest_key(DAYS[2])))
    with pytest.raises(ObjectCorrupt, match="is not the manifest of 2013-03-01"):
        lake.curate([DAYS[3]])
    with pytest.raises(InvalidRequest, match="names no manifest"):
        lake.curate([])
