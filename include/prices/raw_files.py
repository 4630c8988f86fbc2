"""RAW objects as bytes: one symbol's bars of one session day, as JSON Lines or CSV, gzip or not.

Writing is deterministic; reading parses many objects in one pass and says which of them are corrupt.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from datetime import date

import polars as pl  # noqa: TID253 - this module is imported inside tasks only
from polars.exceptions import PolarsError  # noqa: TID253

from include.core.errors import ObjectCorrupt
from include.core.keys import FileFormat
from include.prices.schema import COLUMNS, FRAME

TIMESTAMP_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
CSV_HEADER = (",".join(COLUMNS) + "\n").encode()
_WIRE = {**FRAME, "timestamp": pl.String}
# What one row of ours has of each mark; more or fewer means another shape than the contract's.
_MARKS: dict[str, list[tuple[bytes, int]]] = {
    "json": [(b'":', len(COLUMNS)), (b'"', 2 * len(COLUMNS) + 4)],
    "csv": [(b",", len(COLUMNS) - 1), (b'"', 0)],
}
# zlib stamps the operating system and Python the time: a header of our own keeps the bytes the same.
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def encode_day(bars: pl.DataFrame, file_format: FileFormat, compressed: bool) -> bytes:
    """Return one RAW object: the bars in their order; floats in their shortest exact form, null as null."""
    data = _encode(bars, file_format)
    if file_format == "csv":
        data = CSV_HEADER + data
    return _gzip(data) if compressed else data


def split_by_day(
    bars: pl.DataFrame, *, file_format: FileFormat = "json", compressed: bool = False,
    exchange_timezone: str = "UTC",
) -> Iterator[tuple[date, bytes, int]]:  # fmt: skip
    """Yield `(ds, object, records)` for each session day of one symbol's bars, in time order.

    Daily bars (all at midnight UTC) carry their session date as it is; any other bar belongs to its
    day on the exchange's clock.
    """
    if bars.is_empty():
        return
    stamp = pl.col("timestamp")
    daily = bars.select((stamp.dt.time() == pl.time(0, 0)).all()).item()
    day = stamp.dt.date() if daily else stamp.dt.convert_time_zone(exchange_timezone).dt.date()
    ordered = bars.sort("timestamp", maintain_order=True)
    days = ordered.select(day.rle().alias("run")).unnest("run")
    lines = _encode(ordered, file_format).splitlines(keepends=True)
    head = CSV_HEADER if file_format == "csv" else b""
    start = 0
    for records, ds in days.iter_rows():
        data = head + b"".join(lines[start : start + records])
        yield ds, _gzip(data) if compressed else data, records
        start += records


def _encode(bars: pl.DataFrame, file_format: FileFormat) -> bytes:
    rows = bars.select(COLUMNS).with_columns(pl.col("timestamp").dt.strftime(TIMESTAMP_FORMAT))
    if file_format == "csv":
        return rows.write_csv(include_header=False).encode()
    return rows.write_ndjson().encode()


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(data) + packer.flush()
    return _GZIP_HEADER + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def format_of(key: str) -> FileFormat:
    """Return the format that a RAW key's suffix names; raise `ObjectCorrupt` for any other suffix."""
    for file_format in ("json", "csv"):
        if key.endswith((f".{file_format}", f".{file_format}.gz")):
            return file_format  # type: ignore[return-value]
    raise ObjectCorrupt(f"{key}: a RAW object ends in .json, .csv, .json.gz or .csv.gz")


def body(key: str, data: bytes, records: int) -> bytes:
    """Return an object's rows as text that can be joined with others', one line a row.

    Raises `ObjectCorrupt`, saying what is wrong, where the shape is not that of `records` rows: a damaged
    or cut gzip, another header, lines, columns or types that cannot be ours. Values are checked by `parse`.
    """
    file_format = format_of(key)
    text = _gunzip(key, data) if key.endswith(".gz") else data
    if file_format == "csv":
        if not text.startswith(CSV_HEADER):
            raise ObjectCorrupt(f"{key}: the first line is {text[:80]!r}, not the header {CSV_HEADER!r}")
        text = text[len(CSV_HEADER) :]
    if text and not text.endswith(b"\n"):
        text += b"\n"
    lines = text.count(b"\n")
    if lines != records:
        raise ObjectCorrupt(f"{key}: has {lines} rows, its manifest says {records}")
    for mark, each in _MARKS[file_format]:
        if text.count(mark) != each * records:
            raise ObjectCorrupt(
                f"{key}: is not {file_format} with the columns {', '.join(COLUMNS)}: {text[:120]!r}"
            )
    return text


def _gunzip(key: str, data: bytes) -> bytes:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = unpacker.decompress(data)
    except zlib.error as error:
        raise ObjectCorrupt(f"{key}: is not gzip, or is damaged ({error})") from error
    if not unpacker.eof or unpacker.unused_data:
        raise ObjectCorrupt(f"{key}: the gzip is cut off or has something after its end")
    return text


def parse(bodies: Sequence[bytes], file_format: FileFormat, records: int) -> pl.DataFrame:
    """Return the rows of many bodies (columns of `schema.FRAME`), in order, parsed in one pass.

    Raises `ObjectCorrupt`, without a name, where any value has another type or a time is not ISO 8601 UTC.
    """
    text = b"".join(bodies)
    if not text:
        return pl.DataFrame(schema=FRAME)
    try:
        if file_format == "csv":
            rows = pl.read_csv(text, schema=_WIRE, has_header=False)
        else:
            rows = pl.read_ndjson(text, schema=_WIRE)
        stamp = pl.col("timestamp").str.to_datetime(TIMESTAMP_FORMAT, time_unit="ms", time_zone="UTC")
        rows = rows.with_columns(stamp)
    except PolarsError as error:
        raise ObjectCorrupt(str(error).strip().splitlines()[0]) from error
    if rows.height != records:
        raise ObjectCorrupt(f"{rows.height} rows were parsed, {records} were expected")
    return rows
