"""Files whose columns change: what loses nothing changes the table, all else is refused by name."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from include.core.errors import SchemaMismatch

pytestmark = pytest.mark.integration


def test_a_new_column_is_added_and_null_in_older_rows(orders: Any, caplog: pytest.LogCaptureFixture) -> None:
    orders.load(orders.put(id=[1]))
    caplog.set_level(logging.INFO)
    orders.load(orders.put(1, id=[2], note=["x"]))
    assert orders.shown("id", "note") == [(1, None), (2, "x")]
    assert "gets the column note Nullable(String), which a file has" in caplog.text


def test_many_columns_are_added_at_once(orders: Any) -> None:
    orders.load(orders.put(id=[1]))
    orders.load(orders.put(1, id=[2], **{f"c{number}": [number] for number in range(40)}))
    assert orders.shown("id", "c0", "c39") == [(1, None, None), (2, 0, 39)]


def test_a_column_that_a_file_lacks_is_null(orders: Any) -> None:
    orders.load(orders.put(id=[1], note=["x"], tags=[["a"]]))
    orders.load(orders.put(1, id=[2]))
    assert orders.shown("id", "note") == [(1, "x"), (2, None)]
    (row,) = orders.query(f"SELECT length(tags) AS n FROM {orders.domain}.orders WHERE id = 2")
    assert row["n"] == 0


def test_files_of_one_call_may_differ_in_columns_and_widths(orders: Any) -> None:
    orders.load(
        orders.put(0, id=pa.array([1], pa.int16()), a=["x"]),
        orders.put(1, b=[1.5], id=pa.array([2**40])),
        orders.put(2, id=pa.array([3], pa.uint8())),
    )
    assert orders.types()["id"] == "Nullable(Int64)"
    assert orders.shown("id", "a", "b") == [(1, "x", None), (3, None, None), (2**40, None, 1.5)]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (pa.array([-5], pa.int8()), pa.array([2**20], pa.int32()), "Int64"),
        (pa.array([200], pa.uint8()), pa.array([-1], pa.int16()), "Int64"),
        (pa.array([2**32 - 1], pa.uint32()), pa.array([2**40]), "Int64"),
        (pa.array([0.5], pa.float32()), pa.array([0.1]), "Float64"),
        (pa.array([Decimal("1.25")], pa.decimal128(5, 2)), pa.array([Decimal("9" * 20 + ".75")], pa.decimal128(22, 2)), "Decimal(38, 2)"),
    ],
)  # fmt: skip
def test_a_wider_type_widens_the_column(orders: Any, before: pa.Array, after: pa.Array, kind: str,
                                        caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    orders.load(orders.put(0, x=before))
    orders.load(orders.put(1, x=after))
    assert orders.types() == {"x": f"Nullable({kind})"}
    assert {row[0] for row in orders.shown("x")} == {before[0].as_py(), after[0].as_py()}
    assert f"column x becomes Nullable({kind}), because a file has values" in caplog.text


def test_finer_times_widen_the_column(http_orders: Any) -> None:
    stamps = 1_362_096_000_123, 1_362_096_000_123_456
    http_orders.load(http_orders.put(0, at=pa.array([stamps[0]], pa.timestamp("ms", "UTC"))))
    http_orders.load(http_orders.put(1, at=pa.array([stamps[1]], pa.timestamp("us", "UTC"))))
    assert http_orders.types() == {"at": "Nullable(DateTime64(6, 'UTC'))"}
    assert http_orders.shown("toUnixTimestamp64Micro(at)") == [(stamps[0] * 1000,), (stamps[1],)]


def test_lists_widen_with_their_elements(http_orders: Any) -> None:
    http_orders.load(http_orders.put(0, x=pa.array([[1]], pa.list_(pa.int32()))))
    http_orders.load(http_orders.put(1, x=pa.array([[2**40]], pa.list_(pa.int64()))))
    assert http_orders.types() == {"x": "Array(Nullable(Int64))"}
    assert http_orders.shown("x") == [([1],), ([2**40],)]


def test_a_narrower_type_is_cast_up(orders: Any, caplog: pytest.LogCaptureFixture) -> None:
    orders.load(orders.put(0, i=[2**40], f=[0.1], d=pa.array([Decimal("1.250")], pa.decimal128(20, 3))))
    caplog.clear()
    small = pa.array([Decimal("7.5")], pa.decimal128(5, 1))
    orders.load(orders.put(1, i=pa.array([-7], pa.int8()), f=pa.array([3], pa.int32()), d=small))
    assert orders.shown("i", "f", "d") == [(-7, 3.0, Decimal("7.5")), (2**40, 0.1, Decimal("1.25"))]
    assert "becomes" not in caplog.text


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (["a"], [1], r"x is Nullable\(Int64\) in the file and Nullable\(String\) in \S+\.orders"),
        ([1], ["a"], r"x is Nullable\(String\) in the file and Nullable\(Int64\) in \S+\.orders"),
        ([1], [0.5], r"Float64.* in the file and Nullable\(Int64\)"),
        ([0.5], [1], r"Int64.* in the file and Nullable\(Float64\)"),
        ([1], pa.array([1], pa.uint64()), r"UInt64.* in the file and Nullable\(Int64\)"),
        (pa.array([Decimal("1.2")], pa.decimal128(9, 1)), pa.array([Decimal("1.25")], pa.decimal128(9, 2)), "Decimal"),
        ([[1]], [1], r"Int64.* in the file and Array"),
        ([True], ["yes"], "String"),
    ],
)  # fmt: skip
def test_what_would_lose_something_is_refused(orders: Any, before: Any, after: Any, says: str) -> None:
    first, good = orders.put(0, x=before), orders.put(1, x=before)
    orders.load(first)
    bad, shown = orders.put(2, x=after, new=[1]), orders.shown("x")
    with pytest.raises(SchemaMismatch, match=says) as caught:
        orders.load(good, bad)
    assert caught.value.key == bad.key
    assert "another name" in str(caught.value), "what to do"
    assert orders.shown("x") == shown
    assert list(orders.types()) == ["x"], "not even the good column of a refused file is added"
    orders.load(good)
    assert len(orders.shown("x")) == 2


def test_a_value_that_only_its_table_cannot_hold_is_refused_by_name(http_orders: Any) -> None:
    http_orders.load(http_orders.put(0, x=pa.array([Decimal("1.2")], pa.decimal256(60, 1))))
    far = pa.array([2**60], pa.timestamp("us", "UTC"))
    file = http_orders.put(1, at=far)
    with pytest.raises(SchemaMismatch, match="at has a day before") as caught:
        http_orders.load(file)
    assert caught.value.key == file.key


def test_a_table_that_the_loader_did_not_make_is_not_touched(orders: Any) -> None:
    with orders.open() as warehouse:
        warehouse.execute(f"CREATE DATABASE {orders.domain}")
        warehouse.execute(f"CREATE TABLE {orders.domain}.orders_rows (id Int64) ENGINE = Memory")
    with pytest.raises(SchemaMismatch, match="was not made by the loader"):
        orders.load(orders.put(id=[1]))


def test_columns_that_somebody_made_by_hand_are_used_as_they_are(http_orders: Any) -> None:
    http_orders.load(http_orders.put(id=[1], kind=["a"]))
    with http_orders.open() as warehouse:
        warehouse.execute(
            f"ALTER TABLE {http_orders.domain}.orders_rows MODIFY COLUMN kind LowCardinality(Nullable(String))"
        )
    http_orders.load(http_orders.put(1, id=[2], kind=["b"]))
    assert http_orders.types()["kind"] == "LowCardinality(Nullable(String))"
    assert http_orders.shown("id", "kind") == [(1, "a"), (2, "b")]
