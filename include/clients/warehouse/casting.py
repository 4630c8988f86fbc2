"""Columns of files in the types that their table's columns take: no value is bent, none is made up."""

from __future__ import annotations

import json
import math
from datetime import date, time
from typing import Any

import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only
import pyarrow.compute as pc  # noqa: TID253

from include.clients.warehouse.columns import date_limits, is_json, sent_as
from include.core.errors import SchemaMismatch


def cast_batch(batch: pa.RecordBatch, columns: dict[str, str], uri: str) -> pa.RecordBatch:
    """Return the batch with exactly these columns (name: the warehouse's type); what a file lacks is null."""
    arrays = [
        _cast(batch.column(name), kind, f"{uri}: {name}")
        if name in batch.schema.names
        else _absent(batch.num_rows, kind)
        for name, kind in columns.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _absent(rows: int, kind: str) -> pa.Array:
    return _without_null_lists(pa.nulls(rows, sent_as(kind)))


def _cast(array: pa.Array, kind: str, what: str) -> pa.Array:
    target = sent_as(kind)
    if pa.types.is_null(array.type):
        return _absent(len(array), kind)
    try:
        cast = _plain(array).cast(target) if array.type != target else array
    except (ValueError, OverflowError, pa.ArrowNotImplementedError) as error:
        # Arrow's complaint of a value is a ValueError; Python's of a time or day it has no object for is either
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SchemaMismatch(
            f"{what} has a value that {kind} cannot hold ({reason}), so it was not loaded."
        ) from error
    cast = _without_null_lists(cast)
    _check_days(cast, kind, what)
    return cast


def _plain(array: pa.Array) -> pa.Array:
    """Return what Arrow casts to a table's types by itself."""
    if is_json(array.type):
        return pa.array([_json(value, array.type) for value in array.to_pylist()], pa.large_string())
    if pa.types.is_dictionary(array.type):
        return _plain(array.dictionary_decode())
    if pa.types.is_time(array.type):
        return array.cast(pa.string())
    return array


def _json(value: Any, kind: pa.DataType) -> str | None:
    if value is None:
        return None
    return json.dumps(_jsonable(value, kind), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _jsonable(value: Any, kind: pa.DataType) -> Any:
    """Return a value as JSON can say it: numbers that JSON lacks are null, bytes hexadecimal, the rest text."""
    if isinstance(value, dict):
        return {key: _jsonable(part, kind.field(key).type) for key, part in value.items()}
    if isinstance(value, list):
        if pa.types.is_map(kind):
            return {_name(key): _jsonable(part, kind.item_type) for key, part in value}
        return [_jsonable(part, kind.value_type) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    return value if value is None or isinstance(value, int | str) else str(value)


def _name(key: Any) -> str:
    return key.hex() if isinstance(key, bytes) else str(key)


def _without_null_lists(array: pa.Array) -> pa.Array:
    """Return lists where null became empty: the warehouse has no Nullable(Array)."""
    if not (pa.types.is_list(array.type) and array.null_count):
        return array
    return pc.if_else(array.is_null(), pa.scalar([], array.type), array)


def _check_days(array: pa.Array, kind: str, what: str) -> None:
    limits = date_limits(kind)
    if not limits:
        return
    values = array.flatten() if pa.types.is_list(array.type) else array
    span = pc.min_max(values)
    if not span["min"].is_valid:
        return
    first, end = (pa.scalar(day, pa.date32()).cast(values.type) for day in limits)
    if pc.less(span["min"], first).as_py() or pc.greater_equal(span["max"], end).as_py():
        raise SchemaMismatch(
            f"{what} has a day before {limits[0]} or from {limits[1]} on, which {kind} cannot hold, so it was "
            "not loaded."
        )
