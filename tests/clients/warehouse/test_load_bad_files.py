"""A file that cannot be loaded is named with its fault, and nothing of it is shown or audited."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from include.clients.warehouse.load import load_files
from include.core.contracts import CuratedFile
from include.core.errors import (
    ObjectCorrupt,
    ObjectMissing,
    SchemaMismatch,
    StatementFailed,
    TerminalError,
    UnsupportedFormat,
)

pytestmark = pytest.mark.integration
Make = Callable[..., list[tuple[Any, ...]]]


def table_of(loads: Any, rows: list[tuple[Any, ...]]) -> pa.Table:
    """Return the bars as the file's table."""
    return pq.read_table(io.BytesIO(loads.store.read(loads.write(rows, "1999-01-01").key)))


def refused(loads: Any, file: CuratedFile, kind: type[TerminalError], match: str) -> None:
    """Assert that the load ends in the error, and that readers see nothing of the file."""
    with pytest.raises(kind, match=match) as caught:
        loads.load(file)
    assert file.key in str(caught.value)
    assert caught.value.key == file.key
    assert loads.rows() == []
    assert loads.audit() == []


def test_a_file_that_is_no_parquet(loads: Any) -> None:
    refused(loads, loads.write_bytes(b"not Parquet at all", 1), UnsupportedFormat, "is not Parquet")


def test_a_big_file_that_is_no_parquet(loads: Any) -> None:
    file = loads.write_bytes(b"not Parquet at all" * 10_000, 1)
    announced = file.model_copy(update={"size": 5 << 20})  # as big as one whose end is read first
    refused(loads, announced, UnsupportedFormat, "is not Parquet")


def test_an_empty_file(loads: Any) -> None:
    refused(loads, loads.write_bytes(b"", 0), UnsupportedFormat, "is empty")


def test_a_file_that_is_cut_off(loads: Any, make_rows: Make) -> None:
    whole = loads.store.read(loads.write(make_rows("AAPL"), "1999-01-01").key)
    refused(loads, loads.write_bytes(whole[:-20], 1), ObjectCorrupt, "not a readable Parquet")


def test_an_announced_file_that_is_not_there(loads: Any) -> None:
    file = CuratedFile(key=f"{loads.domain}/prices/ds=2013-03-01/part-009.parquet", etag="x", size=9, rows=1)
    refused(loads, file, ObjectMissing, "announced and is not there")


def test_a_column_is_missing(loads: Any, make_rows: Make) -> None:
    table = table_of(loads, make_rows("AAPL")).drop_columns(["volume"])
    refused(loads, loads.write_table(table), SchemaMismatch, "volume is missing")


def test_a_column_too_many(loads: Any, make_rows: Make) -> None:
    table = table_of(loads, make_rows("AAPL"))
    table = table.append_column("dividend", pa.array([1.0]))
    refused(loads, loads.write_table(table), SchemaMismatch, "dividend is not a column")


@pytest.mark.parametrize(
    ("column", "kind", "says"),
    [
        ("volume", pa.float64(), "volume is double, not int64"),
        ("close", pa.string(), "close is string, not double"),
        ("timestamp", pa.timestamp("ms"), r"timestamp is timestamp\[ms\], not timestamp in UTC"),
    ],
)
def test_a_column_of_another_type(
    loads: Any, make_rows: Make, column: str, kind: pa.DataType, says: str
) -> None:
    table = table_of(loads, make_rows("AAPL"))
    changed = table.set_column(table.schema.get_field_index(column), column, table[column].cast(kind))
    refused(loads, loads.write_table(changed), SchemaMismatch, says)


def test_a_row_without_a_price(http_loads: Any, make_rows: Make) -> None:
    table = table_of(http_loads, make_rows("AAPL"))
    empty = pa.array([None], pa.float64())
    changed = table.set_column(table.schema.get_field_index("close"), "close", empty)
    refused(http_loads, http_loads.write_table(changed), SchemaMismatch, "rows without close")


def test_the_server_makes_no_price_up_for_a_row_without_one(http_loads: Any, make_rows: Make) -> None:
    http_loads.way = "server"
    table = table_of(http_loads, make_rows("AAPL"))
    empty = pa.array([None], pa.float64())
    changed = table.set_column(table.schema.get_field_index("close"), "close", empty)
    with pytest.raises(SchemaMismatch, match="close"):
        http_loads.load(http_loads.write_table(changed))
    assert http_loads.rows() == []


@pytest.mark.parametrize("seconds", [-86_400, 2**32])
def test_a_time_that_the_warehouse_cannot_hold(loads: Any, make_rows: Make, seconds: int) -> None:
    table = table_of(loads, make_rows("AAPL"))
    stamp = pc.cast(pa.array([seconds], pa.timestamp("s", "UTC")), pa.timestamp("ms", "UTC"))
    changed = table.set_column(1, "timestamp", stamp)
    with pytest.raises(SchemaMismatch):
        loads.load(loads.write_table(changed))
    assert loads.rows() == []


def test_a_bad_file_does_not_stop_its_neighbours_for_good(http_loads: Any, make_rows: Make) -> None:
    good, bad = http_loads.write(make_rows("AAPL")), http_loads.write_bytes(b"bad", 1, part=1)
    with pytest.raises(UnsupportedFormat, match="part-001") as caught:
        http_loads.load(good, bad)
    assert caught.value.key == bad.key, "so that only this one need be set aside"
    http_loads.load(good)
    assert http_loads.rows() == make_rows("AAPL")


@pytest.mark.parametrize("name", ["prices; DROP DATABASE market", "Prices", "load_audit", "", "a-b"])
def test_a_table_name_that_may_not_enter_sql(http_loads: Any, name: str) -> None:
    asked = http_loads.asked().model_copy(update={"table_name": name})
    with (
        http_loads.open() as warehouse,
        pytest.raises(StatementFailed, match="cannot be the name of a table"),
    ):
        load_files(warehouse, http_loads.store, asked, correlation_id="c")
