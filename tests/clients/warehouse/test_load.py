"""Whatever is loaded, again, late or corrected: readers see each bar of the newest content once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from include.clients.warehouse.load import load_files

pytestmark = pytest.mark.integration
Make = Callable[..., list[tuple[Any, ...]]]


def test_readers_see_exactly_the_rows_of_the_files(loads: Any, make_rows: Make) -> None:
    friday, monday = make_rows("AAPL", "IBM"), make_rows("AAPL", first=date(2013, 3, 4), adjusted=False)
    result = loads.load(loads.write(friday), loads.write(monday, "2013-03-04"))
    assert (result.loaded, result.skipped, result.rows) == (2, 0, 3)
    assert loads.rows() == sorted(friday + monday)


def test_a_missing_adjusted_close_is_null_not_a_number(loads: Any, make_rows: Make) -> None:
    loads.load(loads.write(make_rows("AAPL", adjusted=False) + make_rows("IBM")))
    found = loads.query(f"SELECT symbol FROM {loads.domain}.prices WHERE adjusted_close IS NULL")
    assert [row["symbol"] for row in found] == ["AAPL"]


def test_a_file_loaded_again_changes_nothing_and_is_skipped(loads: Any, make_rows: Make) -> None:
    file = loads.write(make_rows("AAPL", "IBM"))
    loads.load(file)
    before = loads.rows(), loads.audit()
    result = loads.load(file)
    assert (result.loaded, result.skipped, result.rows) == (0, 1, 0)
    assert (loads.rows(), loads.audit()) == before


def test_the_audit_has_one_row_a_content(loads: Any, make_rows: Make) -> None:
    file = loads.write(make_rows("AAPL", "IBM"))
    loads.load(file)
    (row,) = loads.query(f"SELECT * FROM {loads.domain}.load_audit")
    assert list(row) == [
        "domain", "table_name", "partition_date", "file_path", "etag", "record_count", "file_size",
        "correlation_id", "processed_at",
    ]  # fmt: skip
    assert (row["domain"], row["table_name"], row["partition_date"]) == (
        loads.domain, "prices", date(2013, 3, 1),
    )  # fmt: skip
    assert (row["file_path"], row["etag"], row["record_count"], row["file_size"], row["correlation_id"]) == (
        file.key, file.etag, 2, file.size, "c-1",
    )  # fmt: skip


def test_a_corrected_file_replaces_changed_rows_and_removes_lost_ones(loads: Any, make_rows: Make) -> None:
    loads.load(loads.write(make_rows("AAPL", "IBM", "MSFT")))
    # written within the same second, which is all that S3 tells of time
    corrected = make_rows("AAPL") + make_rows("IBM", price=99.0)
    loads.load(loads.write(corrected))
    assert loads.rows() == corrected


def test_a_file_that_became_empty_leaves_no_rows(loads: Any, make_rows: Make) -> None:
    loads.load(loads.write(make_rows("AAPL")))
    loads.load(loads.write([]))
    assert loads.rows() == []


def test_a_late_message_of_an_old_content_does_not_bring_it_back(loads: Any, make_rows: Make) -> None:
    old = loads.write(make_rows("AAPL", "IBM"))
    new_rows = make_rows("AAPL", price=50.0)
    new = loads.write(new_rows)
    loads.load(new)
    assert loads.load(old).loaded == 0
    assert loads.rows() == new_rows
    assert [row[1] for row in loads.audit()] == [new.etag]


def test_a_content_that_returns_is_shown_again(loads: Any, make_rows: Make) -> None:
    first_rows, second_rows = make_rows("AAPL", "IBM"), make_rows("IBM", "MSFT", price=50.0)
    first = loads.write(first_rows)
    loads.load(first)
    loads.load(loads.write(second_rows))
    assert loads.load(loads.write(first_rows)).loaded == 1
    assert loads.rows() == first_rows
    assert loads.load(first).skipped == 1


def test_an_empty_list_loads_nothing_and_makes_the_table(loads: Any) -> None:
    assert loads.load().loaded == 0
    assert loads.rows() == []


def test_a_file_of_many_row_groups_and_symbols_is_loaded_whole(loads: Any) -> None:
    # each row group has a dictionary of symbols of its own
    count, group = 150_000, 30_000
    numbers = np.arange(count)
    symbols = np.char.add("S", (numbers // 1000).astype(str))
    seconds = 946_684_800 + numbers * 3600
    prices = pa.array((numbers % 997) + 0.25)
    table = pa.table({
        "symbol": pa.array(symbols.tolist()),
        "timestamp": pa.array(seconds, pa.timestamp("s", "UTC")).cast(pa.timestamp("ms", "UTC")),
        "open": prices, "high": prices, "low": prices, "close": prices,
        "adjusted_close": pa.array(np.where(numbers % 3 == 0, np.nan, numbers), from_pandas=True),
        "volume": pa.array(numbers),
    })  # fmt: skip
    file = loads.write_table(table, row_group_size=group)
    loads.load(file.model_copy(update={"size": 10 << 20}))  # as big as one that is not held in memory
    frame: pd.DataFrame = table.to_pandas()
    years = pd.to_datetime(frame["timestamp"]).dt.year
    expected = frame.groupby(["symbol", years]).agg(
        n=("volume", "size"), v=("volume", "sum"), c=("close", "sum"), a=("adjusted_close", "count")
    )
    found = loads.query(
        "SELECT symbol, toYear(timestamp) AS year, count() AS n, sum(volume) AS v, sum(close) AS c, "
        f"count(adjusted_close) AS a FROM {loads.domain}.prices GROUP BY symbol, year"
    )
    got = pd.DataFrame(found).set_index(["symbol", "year"]).sort_index()
    assert got.astype(float).to_dict() == expected.astype(float).to_dict()


def test_times_are_the_instants_of_the_file(loads: Any, make_rows: Make) -> None:
    symbol, midnight, *rest = make_rows("AAPL")[0]
    instant = midnight + timedelta(hours=14, minutes=30)
    loads.load(loads.write([(symbol, instant, *rest)]))
    (row,) = loads.query(f"SELECT toUInt32(timestamp) AS seconds FROM {loads.domain}.prices")
    assert row["seconds"] == int(instant.replace(tzinfo=timezone.utc).timestamp())


def test_prices_of_an_interval_go_to_a_table_of_their_own(loads: Any, make_rows: Make) -> None:
    file = loads.write(make_rows("AAPL"))
    asked = loads.asked(file).model_copy(update={"table_name": "prices_1h"})
    with loads.open() as warehouse:
        load_files(warehouse, loads.store, asked, correlation_id="c", way=loads.way)
    assert loads.query(f"SELECT count() AS n FROM {loads.domain}.prices_1h") == [{"n": 1}]
