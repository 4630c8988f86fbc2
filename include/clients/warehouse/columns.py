"""Arrow's types and the warehouse's: what a column of a file becomes, and which type holds which without loss.

docs/adr/0016 has the rules in words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only

_NUMBERS = {
    "Int8": pa.int8(),
    "Int16": pa.int16(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
    "UInt8": pa.uint8(),
    "UInt16": pa.uint16(),
    "UInt32": pa.uint32(),
    "UInt64": pa.uint64(),
    "Float32": pa.float32(),
    "Float64": pa.float64(),
}
_OTHERS = {"Bool": pa.bool_(), "String": pa.binary(), "Date": pa.date32(), "Date32": pa.date32()}
_PLAIN = _NUMBERS | _OTHERS
_NAMES = {arrow: name for name, arrow in _NUMBERS.items()} | {pa.float16(): "Float32"}
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_UNITS = {digits: unit for unit, digits in _DIGITS.items()}
_HELD = {
    "Int16": {"Int8", "UInt8"},
    "Int32": {"Int8", "Int16", "UInt8", "UInt16"},
    "Int64": {"Int8", "Int16", "Int32", "UInt8", "UInt16", "UInt32"},
    "UInt16": {"UInt8"},
    "UInt32": {"UInt8", "UInt16"},
    "UInt64": {"UInt8", "UInt16", "UInt32"},
    "Float32": {"Int8", "Int16", "UInt8", "UInt16"},
    "Float64": {"Float32", "Int8", "Int16", "Int32", "UInt8", "UInt16", "UInt32"},
}
"""Which numbers a type holds besides its own, every one exactly."""
_WIDER = dict.fromkeys(("Int8", "Int16", "Int32", "UInt8", "UInt16", "UInt32"), "Int64")
_WIDER["Float32"] = "Float64"
"""Each type widens to exactly one other: two loaders that widen a column at once say the same to the warehouse."""
_DECIMAL = re.compile(r"Decimal\((\d+), ?(\d+)\)")
_TIME = re.compile(r"DateTime64\(([0369])(?:, ?'UTC')?\)")
_WRAPPED = re.compile(r"(Nullable|LowCardinality|Array)\((.*)\)")
# day 0 of Date was no day in old servers
_DATES = {"Date": (date(1970, 1, 2), date(2106, 1, 1)), "Date32": (date(1900, 1, 1), date(2300, 1, 1))}


def column_type(kind: pa.DataType, *, modern: bool = True) -> str | None:
    """Return the warehouse's type for a file's, or None for a column that never has a value.

    `modern`: the warehouse has Bool, Date32 and DateTime64 (ClickHouse 21.12). Raises `ValueError` saying why
    a type cannot be kept.
    """
    if pa.types.is_null(kind):
        return None
    if _is_list(kind):
        inner = None if _is_text_json(kind.value_type) else column_type(kind.value_type, modern=modern)
        # a list that has no plain elements is kept as JSON text
        return f"Array({inner})" if inner else "Nullable(String)"
    return f"Nullable({_scalar(kind, modern=modern)})"


def _scalar(kind: pa.DataType, *, modern: bool) -> str:
    if kind in _NAMES:
        return _NAMES[kind]
    if pa.types.is_boolean(kind):
        return "Bool" if modern else "UInt8"
    if pa.types.is_date(kind):
        return "Date32" if modern else "Date"
    if pa.types.is_timestamp(kind):
        if not modern:
            raise ValueError("this ClickHouse is older than 21.12 and has no DateTime64 for times")
        return f"DateTime64({_DIGITS[kind.unit]}, 'UTC')"
    if pa.types.is_decimal(kind):
        return _decimal(kind, modern=modern)
    if pa.types.is_dictionary(kind):
        return _scalar(kind.value_type, modern=modern)
    if _is_text(kind) or is_json(kind) or pa.types.is_time(kind):
        return "String"
    raise ValueError("there is no column for such values")


def _decimal(kind: pa.DataType, *, modern: bool) -> str:
    limit = 76 if modern else 38
    if not 0 <= kind.scale <= kind.precision <= limit:
        raise ValueError(f"a decimal may have 0 to {limit} digits, and no more of them behind the point")
    return f"Decimal({kind.precision}, {kind.scale})"


def is_json(kind: pa.DataType) -> bool:
    """Say whether values of this type are kept as JSON text: records, maps, and lists of anything but scalars."""
    return _is_record(kind) or (_is_list(kind) and _is_text_json(kind.value_type))


def _is_record(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind) or pa.types.is_map(kind))


def _is_text_json(inner: pa.DataType) -> bool:
    """Say whether a list of these is kept as text: its elements have no plain type of their own."""
    named = pa.types.is_dictionary(inner) or pa.types.is_time(inner) or pa.types.is_null(inner)
    return bool(_is_record(inner) or _is_list(inner) or named)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_text(kind: pa.DataType) -> bool:
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    data = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    return bool(text or data or pa.types.is_fixed_size_binary(kind))


def bare(name: str) -> str:
    """Return a type without `Nullable` and `LowCardinality`; of an array's elements too."""
    found = _WRAPPED.fullmatch(name)
    if not found:
        return name
    inner = bare(found[2])
    return f"Array({inner})" if found[1] == "Array" else inner


def sent_as(name: str) -> pa.DataType:
    """Return the Arrow type in which values go to a column; raise `ValueError` for a type that is not ours."""
    kind = bare(name)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if found := _TIME.fullmatch(kind):
        return pa.timestamp(_UNITS[int(found[1])], "UTC")
    if found := _DECIMAL.fullmatch(kind):
        digits, scale = int(found[1]), int(found[2])
        return pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(digits, scale)
    if kind.startswith("Array("):
        return pa.list_(sent_as(kind[6:-1]))
    raise ValueError(f"columns of the type {name} are not written by the loader")


def date_limits(name: str) -> tuple[date, date] | None:
    """Return the first day that a column can hold and the first after its last; None unless it is of days or times."""
    kind = bare(name).removeprefix("Array(").removesuffix(")")
    if kind.startswith("DateTime64(9"):
        return date(1900, 1, 1), date(2262, 4, 11)
    return _DATES["Date32"] if kind.startswith("DateTime64") else _DATES.get(kind)


def holds(column: str, value: str) -> bool:
    """Say whether a column holds every value of another type exactly; both without `Nullable`."""
    if column == value or value in _HELD.get(column, set()):
        return True
    if column.startswith("Array(") and value.startswith("Array("):
        return holds(column[6:-1], value[6:-1])
    ours, theirs = _DECIMAL.fullmatch(column), _DECIMAL.fullmatch(value)
    if ours and theirs:
        before = int(ours[1]) - int(ours[2]), int(theirs[1]) - int(theirs[2])
        return before[0] >= before[1] and int(ours[2]) >= int(theirs[2])
    ours, theirs = _TIME.fullmatch(column), _TIME.fullmatch(value)
    # nanoseconds reach from 1677 to 2262 only, coarser times further
    return bool(ours and theirs and int(theirs[1]) <= int(ours[1]) and int(ours[1]) < 9)


def widened(column: str, value: str) -> str | None:
    """Return what a column must become to hold values of another type, or None where nothing holds both."""
    if column.startswith("Array(") and value.startswith("Array("):
        inner = widened(column[6:-1], value[6:-1])
        return f"Array({inner})" if inner else None
    wider = _WIDER.get(column)
    if (found := _DECIMAL.fullmatch(column)) and int(found[1]) < 38:
        wider = f"Decimal(38, {found[2]})"
    if (found := _TIME.fullmatch(column)) and int(found[1]) < 6:
        wider = "DateTime64(6, 'UTC')"
    return wider if wider and holds(wider, value) else None


def answer_table(names: Sequence[str], types: Sequence[str], columns: Sequence[Sequence[Any]]) -> pa.Table:
    """Return a query's answer, the same from each backend: times are UTC without saying so."""
    return pa.table(
        {name: _answer(values, kind) for name, kind, values in zip(names, types, columns, strict=True)}
    )


def _answer(values: Sequence[Any], kind: str) -> pa.Array:
    # Arrow would take a signed number for it
    array = pa.array(values, pa.uint64() if bare(kind) == "UInt64" else None)
    if pa.types.is_timestamp(array.type) and array.type.tz:
        return array.cast(pa.timestamp(array.type.unit, "UTC")).view(pa.timestamp(array.type.unit))
    return array


def nullable(name: str) -> str:
    """Return a type without wrappers as a column's: `Nullable`, and of an array its elements."""
    return f"Array({nullable(name[6:-1])})" if name.startswith("Array(") else f"Nullable({name})"
