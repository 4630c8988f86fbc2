"""A table that nobody wrote DDL for holds exactly the rows of its files' newest contents."""

from __future__ import annotations

import logging
import time
from typing import Any

import pyarrow as pa
import pytest

from include.clients.warehouse.load import load_files
from include.core.errors import (
    ObjectCorrupt,
    ObjectMissing,
    SchemaMismatch,
    TapelineError,
    UnsupportedFormat,
)

pytestmark = pytest.mark.integration


def test_the_first_file_makes_the_table(orders: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    result = orders.load(orders.put(id=[1, 2], name=["a", None], price=[1.5, None]))
    assert (result.loaded, result.skipped, result.rows) == (1, 0, 2)
    assert orders.shown("id", "name", "price") == [(1, "a", 1.5), (2, None, None)]
    assert orders.types() == {
        "id": "Nullable(Int64)", "name": "Nullable(String)", "price": "Nullable(Float64)",
    }  # fmt: skip
    assert "it is made from its first files' columns: `id` Nullable(Int64), `name`" in caplog.text


def test_equal_rows_of_a_file_are_all_kept(orders: Any) -> None:
    orders.load(orders.put(id=[7, 7, 7]), orders.put(1, id=[7]))
    assert orders.shown("id") == [(7,)] * 4


def test_a_file_loaded_again_changes_nothing_and_is_skipped(orders: Any) -> None:
    file = orders.put(id=[1, 2])
    orders.load(file)
    result = orders.load(file)
    assert (result.loaded, result.skipped) == (0, 1)
    assert orders.shown("id") == [(1,), (2,)]
    assert orders.audit() == [(file.key, file.etag, 2)]


def test_a_shorter_content_leaves_nothing_of_the_longer_one(orders: Any) -> None:
    orders.load(orders.put(id=[1, 2, 3]), orders.put(1, id=[9]))
    orders.load(orders.put(id=[4]))
    assert orders.shown("id") == [(4,), (9,)]
    orders.load(orders.write_table(pa.table({"id": pa.array([], pa.int64())})))
    assert orders.shown("id") == [(9,)]


def test_a_content_that_returns_is_shown_again(orders: Any) -> None:
    orders.load(orders.put(id=[1, 2]))
    orders.load(orders.put(id=[3]))
    assert orders.load(orders.put(id=[1, 2])).loaded == 1
    assert orders.shown("id") == [(1,), (2,)]


def test_a_late_message_of_an_old_content_does_not_bring_it_back(orders: Any) -> None:
    old = orders.put(id=[1, 2])
    orders.load(orders.put(id=[3]))
    assert orders.load(old).loaded == 0
    assert orders.shown("id") == [(3,)]


def test_contents_with_two_successors_are_deleted(orders: Any) -> None:
    for number in range(4):
        orders.load(orders.put(id=[number] * 3))
    assert orders.shown("id") == [(3,)] * 3
    # the deletion is the warehouse's own work in the background
    pending = f"SELECT count() AS n FROM system.mutations WHERE database = '{orders.domain}' AND is_done = 0"
    deadline = time.monotonic() + 60
    while orders.query(pending)[0]["n"] and time.monotonic() < deadline:
        time.sleep(0.05)
    kept = orders.query(f"SELECT DISTINCT id FROM {orders.domain}.orders_rows")
    assert sorted(row["id"] for row in kept) == [2, 3]


def test_an_empty_list_makes_no_table(orders: Any) -> None:
    assert orders.load().loaded == 0
    assert orders.types() == {}


def test_many_small_files_go_in_one_insert(http_orders: Any) -> None:
    files = [http_orders.put(part, id=[part], **{f"extra_{part % 3}": ["x"]}) for part in range(60)]
    warehouse, inserts = http_orders.open(), []
    insert = warehouse.insert
    warehouse.insert = lambda name, *a, **n: (inserts.append(name), insert(name, *a, **n))[1]
    http_orders.load(*files, warehouse=warehouse)
    assert inserts.count(f"{http_orders.domain}.orders_rows") == 1
    assert http_orders.shown("id") == [(part,) for part in range(60)]
    assert http_orders.query(f"SELECT count(extra_1) AS n FROM {http_orders.domain}.orders") == [{"n": 20}]


def insert_sizes(loads: Any, file: Any, batch_rows: int | None) -> list[int]:
    """Load the file; return how many rows each INSERT had."""
    warehouse, sizes = loads.open(), []
    insert = warehouse.insert

    def counting(name: str, batches: Any, **named: Any) -> int:
        held = list(batches)
        if name.endswith(f"{loads.table_name}_rows"):
            sizes.append(sum(batch.num_rows for batch in held))
        return int(insert(name, held, **named))

    warehouse.insert = counting
    loads.load(file, warehouse=warehouse, batch_rows=batch_rows)
    return sizes


@pytest.mark.parametrize("announced", [1_000, 5 << 20])
def test_with_batch_rows_each_insert_has_no_more(orders: Any, announced: int) -> None:
    file = orders.put(id=list(range(25))).model_copy(update={"size": announced})
    assert insert_sizes(orders, file, 10) == [10, 10, 5]
    assert orders.shown("id") == [(number,) for number in range(25)]
    assert insert_sizes(orders, orders.put(id=list(range(25)), part=1), None) == [25]


def test_with_batch_rows_each_insert_of_prices_has_no_more(loads: Any, make_rows: Any) -> None:
    rows = make_rows("AAPL", days=25)
    assert insert_sizes(loads, loads.write(rows), 10) == [10, 10, 5]
    assert loads.rows() == rows


@pytest.mark.parametrize("name", ["_row", "_file_id", "a b", "a`b", "", "1st", "größe"])
def test_a_name_that_may_not_be_a_column_is_refused(orders: Any, name: str) -> None:
    file = orders.put(**{"id": [1], name: [2]})
    with pytest.raises(SchemaMismatch, match="cannot be a column") as caught:
        orders.load(file)
    assert caught.value.key == file.key
    assert repr(name) in str(caught.value)
    assert orders.types() == {}


def test_a_name_that_is_a_word_of_sql_is_a_column_like_any_other(orders: Any) -> None:
    orders.load(orders.put(index=[1], select=[2], Order=[3], order=[4]))
    assert orders.shown("`index`", "`select`", "`Order`", "`order`") == [(1, 2, 3, 4)]


def test_prices_of_another_domain_are_a_table_like_any_other(http_orders: Any) -> None:
    http_orders.table_name, http_orders.domain = "prices", "product"
    file = http_orders.put(sku=["a"], price=[1.0])
    try:
        http_orders.load(file)
        assert http_orders.shown("sku", "price") == [("a", 1.0)]
    finally:
        with http_orders.open() as warehouse:
            warehouse.execute("DROP DATABASE product")


def test_what_is_loaded_already_costs_few_queries_for_five_hundred_files(http_orders: Any) -> None:
    files = [http_orders.put(part, id=[part]) for part in range(500)]
    http_orders.load(*files)
    with http_orders.open() as warehouse:
        queries: list[str] = []
        query = warehouse.query
        warehouse.query = lambda sql, *a: (queries.append(sql), query(sql, *a))[1]
        asked = http_orders.asked(*files)
        result = load_files(warehouse, http_orders.store, asked, correlation_id="again")
    assert (result.loaded, result.skipped) == (0, 500)
    assert len(queries) == 4, "kind of the table, migrations, claims, audit"


def test_prices_in_a_table_of_another_name_are_prices(loads: Any, make_rows: Any) -> None:
    loads.table_name = "closing"
    rows = make_rows("AAPL", "IBM")
    loads.load(loads.write(rows))
    loads.load(loads.write(rows, part=1))
    assert loads.shown("symbol") == [("AAPL",), ("IBM",)], "a bar is there once, whatever files it is in"
    with pytest.raises(SchemaMismatch, match="volume is missing"):
        loads.load(loads.put(2, symbol=["AAPL"], close=[1.0]))


def test_a_table_that_follows_its_files_does_so_also_when_one_has_prices(
    http_orders: Any, make_rows: Any
) -> None:
    http_orders.load(http_orders.put(id=[1]))
    http_orders.load(http_orders.write(make_rows("AAPL"), part=1))
    assert http_orders.query(f"SELECT count() AS n FROM {http_orders.domain}.orders") == [{"n": 2}]


def test_who_knows_that_files_are_prices_can_say_so(loads: Any, make_rows: Any) -> None:
    loads.table_name = "closing"
    with pytest.raises(SchemaMismatch, match="symbol is missing"):
        loads.load(loads.put(close=[1.0]), kind="prices")
    assert loads.shown("symbol") == []


def spoilt(data: bytes, how: str) -> bytes:
    """Return a file's bytes with a fault."""
    middle = slice(4, len(data) // 2)
    whole = bytearray(data)
    whole[middle] = b"\xff" * (middle.stop - 4)
    return {"no Parquet": b"a,b\n1,2\n", "empty": b"", "cut off": data[:-20], "damaged": bytes(whole)}[how]


@pytest.mark.parametrize("announced", [1_000, 5 << 20])
@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("no Parquet", UnsupportedFormat), ("empty", UnsupportedFormat), ("cut off", ObjectCorrupt),
        ("damaged", ObjectCorrupt),
    ],
)  # fmt: skip
def test_a_bad_file_is_named_and_shows_nothing(
    http_orders: Any, how: str, kind: type[TapelineError], announced: int
) -> None:
    good = http_orders.put(0, id=list(range(20_000)))
    bad = http_orders.write_bytes(spoilt(http_orders.store.read(good.key), how), 1, part=1)
    asked = bad.model_copy(update={"size": announced if bad.size else 0})
    with pytest.raises(kind) as caught:
        http_orders.load(good, asked)
    assert caught.value.key == bad.key
    assert http_orders.audit() == []
    http_orders.load(good)
    assert http_orders.query(f"SELECT count() AS n FROM {http_orders.domain}.orders") == [{"n": 20_000}]


def test_a_file_that_is_gone_is_named(orders: Any) -> None:
    file = orders.put(id=[1])
    orders.store.delete(file.key)
    with pytest.raises(ObjectMissing) as caught:
        orders.load(file)
    assert caught.value.key == file.key
