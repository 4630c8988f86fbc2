"""A frame as PostgreSQL's binary COPY format, by whole columns: no Python object is made of a value.

Of each column, cells of the same number of bytes are put at their places in one assignment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import numpy as np
import polars as pl  # noqa: TID253 - this module is imported inside tasks only

from include.core.errors import SchemaMismatch

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
ROWS = 65_536
"""Rows that are encoded at once; bounds the memory."""
_DAYS_1970_TO_2000 = 10_957
_MICROSECONDS_1970_TO_2000 = _DAYS_1970_TO_2000 * 86_400_000_000
_NULL = np.array([-1], ">i4").view("V4")

Numbers = np.ndarray
_FIXED: dict[str, tuple[pl.DataType, str, Callable[[Numbers], Numbers]]] = {
    "double precision": (pl.Float64(), ">f8", lambda values: values),
    "bigint": (pl.Int64(), ">i8", lambda values: values),
    "integer": (pl.Int32(), ">i4", lambda values: values),
    "boolean": (pl.UInt8(), "u1", lambda values: values),
    "date": (pl.Int32(), ">i4", lambda days: days - _DAYS_1970_TO_2000),
    "timestamp with time zone": (pl.Int64(), ">i8", lambda times: times - _MICROSECONDS_1970_TO_2000),
}
_TAKEN: dict[str, tuple[type[pl.DataType], ...]] = {
    "boolean": (pl.Boolean,),
    "date": (pl.Date,),
    "timestamp with time zone": (pl.Datetime,),
    "text": (pl.String, pl.Categorical, pl.Enum),
    "jsonb": (pl.String,),
}
"""Which columns of a frame a type takes; every other takes numbers."""
_PREFIX = {"text": b"", "jsonb": b"\x01"}


def conform(frame: pl.DataFrame, types: Mapping[str, str]) -> pl.DataFrame:
    """Return the frame with its columns in the types that are written; `SchemaMismatch` names what does not fit."""
    return frame.select(_conformed(frame[name], kind) for name, kind in types.items())


def _conformed(column: pl.Series, kind: str) -> pl.Series:
    allowed = _TAKEN.get(kind)
    if column.dtype == pl.Null:
        return column.cast(pl.String if kind in _PREFIX else _FIXED[kind][0])
    fits = column.dtype in allowed if allowed else column.dtype.is_numeric()
    if not fits:
        raise SchemaMismatch(
            f"The column {column.name!r} is {kind} and takes no {column.dtype}; nothing was written."
        )
    if kind in _PREFIX:
        return column.cast(pl.String)
    if kind == "timestamp with time zone":
        if getattr(column.dtype, "time_zone", None) is None:
            raise SchemaMismatch(f"The times of {column.name!r} have no time zone; nothing was written.")
        return column.dt.cast_time_unit("us").to_physical()
    try:
        return _exactly(column, kind)
    except (pl.exceptions.InvalidOperationError, pl.exceptions.ComputeError) as error:
        raise SchemaMismatch(
            f"The column {column.name!r} has a value that {kind} cannot hold; nothing was written: "
            f"{str(error).splitlines()[0]}"
        ) from error


def _exactly(column: pl.Series, kind: str) -> pl.Series:
    """Return the column in its type, or raise where that would change a value: 1.5 is no bigint."""
    target = _FIXED[kind][0]
    cast = column.cast(target)
    if column.dtype.is_float() and target.is_integer() and not (cast.cast(column.dtype) == column).all():
        raise pl.exceptions.InvalidOperationError("a fraction is no whole number")
    return cast


def encode(frame: pl.DataFrame, types: Mapping[str, str]) -> Iterator[bytes | memoryview[int]]:
    """Yield the pieces of a whole COPY; the frame is `conform`ed."""
    yield HEADER
    for part in frame.iter_slices(ROWS):
        yield _rows(part, types)
    yield TRAILER


def _rows(part: pl.DataFrame, types: Mapping[str, str]) -> memoryview[int]:
    """Return the bytes of some rows: the number of columns, then each cell with its length before it."""
    pieces: list[_Piece] = [_Fixed.count_of_columns(len(types), len(part))]
    for name, kind in types.items():
        column = part[name].rechunk()
        if kind in _PREFIX:
            pieces.append(_Texts(column, _PREFIX[kind]))
            continue
        cells, before = _Fixed.of_column(column, kind), pieces[-1]
        if isinstance(before, _Fixed) and before.is_full and cells.is_full:
            pieces[-1] = before.followed_by(cells)  # one assignment for columns that stand side by side
        else:
            pieces.append(cells)
    ends = np.cumsum(sum(piece.sizes for piece in pieces))
    out = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
    places = ends - sum(piece.sizes for piece in pieces)
    for piece in pieces:
        piece.write(out, places)
        places = places + piece.sizes
    return out.data


class _Piece(Protocol):
    """One or more cells of each row."""

    sizes: Numbers
    """Bytes, by row."""

    def write(self, out: Numbers, places: Numbers) -> None:
        """Put each row's bytes at its place."""


class _Fixed:
    """Cells that have the same number of bytes in every row that has a value."""

    def __init__(self, cells: Numbers, present: Numbers | None = None) -> None:
        self.cells = cells
        """Records, one a row that has a value."""
        self.present = present
        self.is_full = present is None
        size = cells.dtype.itemsize
        self.sizes = (
            np.full(len(cells), size, np.int64)
            if present is None
            else np.where(present, size, _NULL.itemsize)
        )

    @classmethod
    def count_of_columns(cls, columns: int, rows: int) -> _Fixed:
        return cls(np.full(rows, columns, ">i2"))

    @classmethod
    def of_column(cls, column: pl.Series, kind: str) -> _Fixed:
        _, stored, shift = _FIXED[kind]
        present = column.is_not_null().to_numpy() if column.null_count() else None
        values = column.drop_nulls().to_numpy()
        cells = np.empty(len(values), [("bytes", ">i4"), ("value", stored)])
        cells["bytes"] = np.dtype(stored).itemsize
        cells["value"] = shift(values)
        return cls(cells, present)

    def followed_by(self, other: _Fixed) -> _Fixed:
        both = np.empty(len(self.cells), [("first", self.cells.dtype), ("second", other.cells.dtype)])
        both["first"], both["second"] = self.cells, other.cells
        return _Fixed(both)

    def write(self, out: Numbers, places: Numbers) -> None:
        items = self.cells.view(f"V{self.cells.dtype.itemsize}")
        if self.present is None:
            _places_for(out, items)[places] = items
            return
        _places_for(out, items)[places[self.present]] = items
        _places_for(out, _NULL)[places[~self.present]] = _NULL


class _Texts:
    """Cells of texts; those of one length are written together."""

    def __init__(self, column: pl.Series, prefix: bytes) -> None:
        self._column = column
        self._prefix = prefix
        lengths = column.str.len_bytes()
        sizes = lengths.fill_null(0).to_numpy().astype(np.int64) + len(prefix) + 4
        self._absent = column.is_null().to_numpy()
        self.sizes = np.where(self._absent, _NULL.itemsize, sizes)
        self._lengths = np.where(self._absent, -1, sizes - len(prefix) - 4)

    def write(self, out: Numbers, places: Numbers) -> None:
        arrow = self._column.to_arrow()
        _, offsets, data = arrow.buffers()
        starts = np.frombuffer(offsets, np.int64)[arrow.offset : arrow.offset + len(arrow)]
        texts = np.frombuffer(data or b"", np.uint8)
        for length in np.unique(self._lengths).tolist():
            rows = np.flatnonzero(self._lengths == length)
            cells = _NULL if length < 0 else self._cells(texts, starts[rows], length)
            _places_for(out, cells)[places[rows]] = cells

    def _cells(self, texts: Numbers, starts: Numbers, length: int) -> Numbers:
        fields: list[tuple[str, str]] = [("bytes", ">i4")]
        fields += [("prefix", f"S{len(self._prefix)}")] if self._prefix else []
        fields += [("text", f"V{length}")] if length else []
        cells = np.empty(len(starts), fields)
        cells["bytes"] = len(self._prefix) + length
        if self._prefix:
            cells["prefix"] = self._prefix
        if length:
            cells["text"] = _every_place(texts, length)[starts]
        return cells.view(f"V{cells.dtype.itemsize}")


def _places_for(out: Numbers, items: Numbers) -> Numbers:
    return _every_place(out, items.dtype.itemsize)


def _every_place(buffer: Numbers, size: int) -> Numbers:
    """Return a view of a buffer with an item of so many bytes at every byte of it."""
    return np.ndarray(max(buffer.size - size + 1, 0), f"V{size}", buffer, strides=(1,))
