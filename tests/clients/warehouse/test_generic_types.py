"""Every type that Parquet files have arrives as it is, in both warehouses, or is refused by name."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from include.core.errors import SchemaMismatch

pytestmark = pytest.mark.integration
NOON = datetime(2013, 3, 1, 12, 30, 1, 123_456, tzinfo=timezone.utc)
EARLY = datetime(1931, 5, 17, 3, tzinfo=timezone.utc)
BOTH = {
    "int8": (pa.int8(), [-128, None], "Nullable(Int8)"),
    "int16": (pa.int16(), [-(2**15), None], "Nullable(Int16)"),
    "int32": (pa.int32(), [2**31 - 1, None], "Nullable(Int32)"),
    "int64": (pa.int64(), [2**62 + 1, None], "Nullable(Int64)"),
    "uint8": (pa.uint8(), [255, None], "Nullable(UInt8)"),
    "uint16": (pa.uint16(), [65_535, None], "Nullable(UInt16)"),
    "uint32": (pa.uint32(), [2**32 - 1, None], "Nullable(UInt32)"),
    "uint64": (pa.uint64(), [2**64 - 1, None], "Nullable(UInt64)"),
    "half": (pa.float16(), [1.5, None], "Nullable(Float32)"),
    "float": (pa.float32(), [0.25, None], "Nullable(Float32)"),
    "double": (pa.float64(), [0.1, None], "Nullable(Float64)"),
    "string": (pa.string(), ["größe 한국", None], "Nullable(String)"),
    "large_string": (pa.large_string(), ["", None], "Nullable(String)"),
    "words": (pa.dictionary(pa.int32(), pa.string()), ["a", None], "Nullable(String)"),
    "decimal9": (pa.decimal128(9, 2), [Decimal("-1234567.89"), None], "Nullable(Decimal(9, 2))"),
    "decimal38": (pa.decimal128(38, 10), [Decimal("9" * 28 + ".0123456789"), None], "Nullable(Decimal(38, 10))"),
    "list": (pa.list_(pa.int32()), [[1, None, 3], []], "Array(Nullable(Int32))"),
    "words_list": (pa.list_(pa.string()), [["a", "b"], []], "Array(Nullable(String))"),
}  # fmt: skip
NEW = {
    "bool": (pa.bool_(), [True, None], "Nullable(Bool)"),
    "date32": (pa.date32(), [date(1931, 5, 17), None], "Nullable(Date32)"),
    "date64": (pa.date64(), [date(2250, 1, 1), None], "Nullable(Date32)"),
    "second": (pa.timestamp("s", "UTC"), [EARLY, None], "Nullable(DateTime64(3, 'UTC'))"),
    "milli": (pa.timestamp("ms", "Asia/Seoul"), [NOON.replace(microsecond=123_000), None], "Nullable(DateTime64(3, 'UTC'))"),
    "micro": (pa.timestamp("us", "UTC"), [NOON, None], "Nullable(DateTime64(6, 'UTC'))"),
    "nano": (pa.timestamp("ns", "UTC"), [NOON, None], "Nullable(DateTime64(9, 'UTC'))"),
    "naive": (pa.timestamp("us"), [NOON.replace(tzinfo=None), None], "Nullable(DateTime64(6, 'UTC'))"),
    "decimal76": (pa.decimal256(76, 0), [Decimal("7" * 76), None], "Nullable(Decimal(76, 0))"),
    "days": (pa.list_(pa.date32()), [[date(2013, 3, 1)], []], "Array(Nullable(Date32))"),
}  # fmt: skip


def file_of(table: Any, kinds: dict[str, Any]) -> Any:
    """Write a file of one column a type, with a row of values and a row of nulls."""
    return table.put(**{name: pa.array(values, kind) for name, (kind, values, _) in kinds.items()})


def assert_shown(table: Any, kinds: dict[str, Any]) -> None:
    """Assert that readers see the values and the types."""
    assert table.types() == {name: kind for name, (_, _, kind) in kinds.items()}
    rows = table.query(f"SELECT * FROM {table.domain}.orders ORDER BY {next(iter(kinds))} IS NULL")
    for name, (_, values, _) in kinds.items():
        found = [row[name] for row in rows]
        assert [_comparable(value) for value in found] == [_comparable(value) for value in values], name


def _comparable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    return value


def test_plain_types_arrive_as_they_are(orders: Any) -> None:
    orders.load(file_of(orders, BOTH))
    assert_shown(orders, BOTH)


def test_newer_types_arrive_as_they_are(http_orders: Any) -> None:
    http_orders.load(file_of(http_orders, NEW))
    assert_shown(http_orders, NEW)


def test_a_nanosecond_is_kept(http_orders: Any) -> None:
    stamp = 1_362_096_000_123_456_789
    http_orders.load(http_orders.put(at=pa.array([stamp], pa.timestamp("ns", "UTC"))))
    found = http_orders.query(f"SELECT toUnixTimestamp64Nano(at) AS ns FROM {http_orders.domain}.orders")
    assert found == [{"ns": stamp}]


def test_an_old_server_keeps_truth_as_a_number_and_days_as_its_date(native_orders: Any) -> None:
    days = pa.array([date(1970, 1, 2), date(2105, 12, 31), None], pa.date32())
    native_orders.load(native_orders.put(ok=[True, False, None], day=days))
    assert native_orders.types() == {"ok": "Nullable(UInt8)", "day": "Nullable(Date)"}
    found = native_orders.query(f"SELECT ok, toString(day) AS day FROM {native_orders.domain}.orders")
    assert {(row["ok"], row["day"]) for row in found} == {
        (1, "1970-01-02"), (0, "2105-12-31"), (None, None),
    }  # fmt: skip


def test_an_old_server_without_datetime64_refuses_times_by_name(native_orders: Any) -> None:
    file = native_orders.put(id=[1], at=pa.array([NOON], pa.timestamp("us", "UTC")))
    with pytest.raises(SchemaMismatch, match=r"at is timestamp.*older than 21.12 and has no DateTime64"):
        native_orders.load(file)


def test_a_number_that_is_none_stays_that_and_no_null(orders: Any) -> None:
    orders.load(orders.put(id=[1, 2, 3], x=[math.nan, None, math.inf]))
    found = orders.query(
        f"SELECT id, isNaN(x) AS nan, isNull(x) AS absent FROM {orders.domain}.orders ORDER BY id"
    )
    assert [(row["nan"], row["absent"]) for row in found] == [(1, 0), (None, 1), (0, 0)]


def test_bytes_are_kept_byte_by_byte(orders: Any) -> None:
    fixed = pa.array([b"\x00\xff"], pa.binary(2))
    orders.load(orders.put(data=[b"\xff\x00'\\\n"], fixed=fixed))
    found = orders.query(f"SELECT hex(data) AS a, hex(fixed) AS b FROM {orders.domain}.orders")
    assert found == [{"a": "FF00275C0A", "b": "00FF"}]


def test_times_of_day_are_text_that_sorts(orders: Any) -> None:
    orders.load(orders.put(at=pa.array([time(9, 30), time(16, 0, 0, 5)], pa.time64("us"))))
    assert orders.shown("at") == [("09:30:00.000000",), ("16:00:00.000005",)]


def test_records_maps_and_lists_of_them_are_json_text(orders: Any) -> None:
    record = pa.array([{"a": 1, "when": NOON, "b": [Decimal("1.10")], "x": math.nan, "raw": b"\xff"}, None])
    mapped = pa.array([[("k", "v")], None], pa.map_(pa.string(), pa.string()))
    nested = pa.array([[[1], []], None], pa.list_(pa.list_(pa.int32())))
    orders.load(orders.put(id=[1, 2], record=record, mapped=mapped, nested=nested))
    (_, *first), (_, *second) = orders.shown("id", "record", "mapped", "nested")
    assert first[0] == '{"a":1,"when":"2013-03-01T12:30:01.123456+00:00","b":["1.10"],"x":null,"raw":"ff"}'
    assert first[1:] == ['{"k":"v"}', "[[1],[]]"]
    assert second == [None, None, None]


def test_a_list_that_is_null_becomes_empty(orders: Any) -> None:
    orders.load(orders.put(id=[1, 2], tags=pa.array([None, ["x"]], pa.list_(pa.string()))))
    found = orders.query(f"SELECT id, length(tags) AS n FROM {orders.domain}.orders ORDER BY id")
    assert [row["n"] for row in found] == [0, 1]


def test_a_column_without_any_value_waits_for_a_file_that_gives_it_a_type(orders: Any) -> None:
    orders.load(orders.put(id=[1], note=pa.nulls(1)))
    assert orders.types() == {"id": "Nullable(Int64)"}
    orders.load(orders.put(1, id=[2], note=["x"]), orders.put(2, id=[3], note=pa.nulls(1)))
    assert orders.shown("id", "note") == [(1, None), (2, "x"), (3, None)]


@pytest.mark.parametrize("day", [date(1899, 12, 31), date(2300, 1, 1)])
def test_a_day_that_the_warehouse_cannot_hold_is_refused_not_bent(http_orders: Any, day: date) -> None:
    for kind in (pa.date32(), pa.timestamp("us", "UTC")):
        stamp = pa.array([(day - date(1970, 1, 1)).days], pa.int32()).cast(pa.date32()).cast(kind)
        file = http_orders.put(id=[1], day=stamp)
        with pytest.raises(
            SchemaMismatch, match="day has a day before 1900-01-01 or from 2300-01-01 on"
        ) as error:
            http_orders.load(file)
        assert error.value.key == file.key
        http_orders.table_name = "others"
    http_orders.table_name = "orders"
    assert http_orders.shown("id") == []


def test_a_type_without_a_column_is_refused_by_name(orders: Any) -> None:
    with pytest.raises(SchemaMismatch, match=r"took is duration\[us\]: there is no column for such values"):
        orders.load(orders.put(id=[1], took=pa.array([1], pa.duration("us"))))
