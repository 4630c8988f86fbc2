"""Which column holds which values exactly, and the one type that each widens to (docs/adr/0016)."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from clickhouse_driver.columns.service import get_column_by_spec

from include.clients.warehouse.casting import cast_batch
from include.clients.warehouse.columns import bare, column_type, holds, sent_as, widened
from include.clients.warehouse.native import _objects
from include.clients.warehouse.schema import columns_of, plan_changes
from include.clients.warehouse.tables import WarehouseTable
from include.core.errors import SchemaMismatch

NUMBERS = ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64"]
OTHERS = [
    "Bool", "String", "Date32", "Decimal(9, 2)", "Decimal(38, 2)", "Decimal(38, 10)", "Decimal(60, 2)",
    "DateTime64(0, 'UTC')", "DateTime64(3, 'UTC')", "DateTime64(6, 'UTC')", "DateTime64(9, 'UTC')",
]  # fmt: skip
INTEGERS = {f"Int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)}
INTEGERS |= {f"UInt{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)}


@pytest.mark.parametrize(("column", "value"), list(product(NUMBERS, INTEGERS)))
def test_a_number_column_holds_an_integer_type_exactly_when_all_its_values_come_back(
    column: str, value: str
) -> None:
    kind, edges = sent_as(column), INTEGERS[value]
    array = pa.array([*edges, edges[1] - 1 if edges[1] else 0], sent_as(value))
    try:
        exact = array.cast(kind).cast(array.type).equals(array)
    except pa.ArrowInvalid:
        exact = False
    assert holds(column, value) == exact


@pytest.mark.parametrize(("column", "value"), list(product(NUMBERS + OTHERS, NUMBERS + OTHERS)))
def test_what_a_column_widens_to_holds_both(column: str, value: str) -> None:
    wider = widened(column, value)
    if wider and not holds(column, value):
        assert holds(wider, column)
        assert holds(wider, value)


@pytest.mark.parametrize("column", NUMBERS + OTHERS)
def test_two_loaders_that_widen_a_column_at_once_say_the_same(column: str) -> None:
    targets = {widened(column, value) for value in NUMBERS + OTHERS if not holds(column, value)} - {None}
    assert len(targets) <= 1


@pytest.mark.parametrize("name", ["Int32", "Array(Int32)", "DateTime64(6, 'UTC')"])
def test_wrappers_do_not_count(name: str) -> None:
    assert bare(f"Nullable({name})") == bare(f"LowCardinality(Nullable({name}))") == name
    assert bare("Array(Nullable(Int32))") == "Array(Int32)"


def test_a_plan_names_the_file_that_does_not_fit() -> None:
    table = WarehouseTable("product", "items")
    files: dict[str, Any] = {"a": {"x": "Nullable(Int32)"}, "b": {"x": "Nullable(String)"}}
    with pytest.raises(SchemaMismatch) as caught:
        plan_changes(table, {}, files)
    assert caught.value.key == "b"


def test_all_faults_of_a_file_are_said_at_once() -> None:
    schema = pa.schema([("_x", pa.int8()), ("a b", pa.int8()), ("d", pa.duration("s")), ("d", pa.int8())])
    with pytest.raises(SchemaMismatch, match=r"'_x'.*'a b'.*d is duration.*"):
        columns_of(schema, "s3://b/k", modern=True)


def test_a_file_without_any_typed_column_is_refused() -> None:
    with pytest.raises(SchemaMismatch, match="no column with a type"):
        columns_of(pa.schema([("a", pa.null())]), "s3://b/k", modern=True)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_native_protocol_takes_times_of_newer_servers_to_the_last_digit(unit: str) -> None:
    # no server that knows DateTime64 speaks the native protocol in these tests: the driver's own encoder stands in
    number = 1_362_096_000 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit] + 1
    stamps = pa.array([number, None], pa.timestamp(unit, "UTC"))
    kind = column_type(stamps.type)
    assert kind is not None
    (column,) = cast_batch(pa.record_batch({"at": stamps}), {"at": kind}, "uri").columns
    written = bytearray()
    server = SimpleNamespace(get_timezone=lambda: "UTC")
    context = SimpleNamespace(
        client_settings={"use_numpy": False, "strings_as_bytes": False}, settings={}, server_info=server
    )
    encoder = get_column_by_spec(kind, {"context": context})
    encoder.write_data(_objects(column), SimpleNamespace(write=written.extend))
    assert bytes(written) == b"\0\1" + number.to_bytes(8, "little", signed=True) + bytes(8)
