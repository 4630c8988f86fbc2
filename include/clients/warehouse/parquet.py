"""Curated Parquet as Arrow batches, checked: columns, types, no hole, times that the warehouse can hold."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only
import pyarrow.compute as pc  # noqa: TID253
import pyarrow.parquet as pq  # noqa: TID253

from include.clients.object_store import ObjectInfo, ObjectStore
from include.core.errors import ObjectChanged, ObjectCorrupt, SchemaMismatch

BATCH_ROWS = 65_536
AHEAD = 4
"""Batches decoded ahead."""
COLUMNS = ["symbol", "timestamp", "open", "high", "low", "close", "adjusted_close", "volume"]
NULLABLE = {"adjusted_close"}
_TYPES = {"symbol": "string", "timestamp": "timestamp in UTC", "volume": "int64"}
_FOOTER = 64 << 10
# ClickHouse's DateTime: seconds since 1970 in 32 bits.
_LAST_SECOND = 2**32 - 1
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True)
class ReadFile:
    """A small file in memory, with what the store knows of exactly these rows."""

    info: ObjectInfo
    table: pa.Table


def read_file(store: ObjectStore, key: str) -> ReadFile:
    """Read one small file whole."""
    data, info = store.read_with_info(key)
    file = _opened(io.BytesIO(data), store.uri(key))
    with _readable(store.uri(key)):
        table = file.read(columns=COLUMNS)
    for batch in table.to_batches():
        _check_values(batch, store.uri(key))
    return ReadFile(info=info, table=table)


def read_footer(store: ObjectStore, key: str) -> tuple[ObjectInfo, int]:
    """Check a file's schema by its last bytes alone; return what the store knows of it and its row count."""
    data, info = store.read_end(key, _FOOTER)
    needed = int.from_bytes(data[-8:-4], "little") + 8
    if data[-4:] == b"PAR1" and len(data) < needed <= info.size:
        data, info = store.read_end(key, needed)
    with _readable(store.uri(key)):
        metadata = pq.read_metadata(io.BytesIO(data))
    _check_schema(metadata.schema.to_arrow_schema(), store.uri(key))
    return info, metadata.num_rows


def read_batches(store: ObjectStore, key: str, etag: str) -> Iterator[pa.RecordBatch]:
    """Yield a big file's rows in batches; memory is a batch's, whatever the file's size.

    The object is copied to a temporary file first: Parquet is read from its end, and one copy has one ETag.
    Raises `ObjectChanged` where that is not `etag`.
    """
    with tempfile.TemporaryFile() as copy:
        info = store.download(key, copy)
        if info.etag != etag:
            raise ObjectChanged(f"{store.uri(key)} was written anew while it was loaded; it is loaded again")
        copy.seek(0)
        file = _opened(copy, store.uri(key))
        with _readable(store.uri(key)):
            for batch in _ahead(file.iter_batches(BATCH_ROWS, columns=COLUMNS)):
                _check_values(batch, store.uri(key))
                yield batch


def _ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the batches; the next ones are decoded while the warehouse takes these."""
    with ThreadPoolExecutor(1, thread_name_prefix="parquet") as pool:
        coming = deque(pool.submit(next, batches, None) for _ in range(AHEAD))
        while (batch := coming.popleft().result()) is not None:
            coming.append(pool.submit(next, batches, None))
            yield batch


def file_id(key: str) -> int:
    """Return the number that a file's rows carry; ClickHouse can compute it too (0001_prices.sql)."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")


def with_origin(batches: Iterable[pa.RecordBatch], key: str, version: int) -> Iterator[pa.RecordBatch]:
    """Yield the batches with the columns that say where rows come from."""
    origin = pa.scalar(file_id(key), pa.uint64())
    for batch in batches:
        rows = batch.num_rows
        yield pa.RecordBatch.from_arrays(
            [
                *batch.columns,
                pa.repeat(origin, rows),
                pa.repeat(pa.scalar(version, pa.uint64()), rows),
                pa.repeat(pa.scalar(0, pa.uint8()), rows),
            ],
            names=[*batch.schema.names, "file_id", "version", "is_deleted"],
        )


class _readable:  # noqa: N801 - reads as a statement
    """Turns Arrow's complaint about content into `ObjectCorrupt`."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, pa.ArrowException | OSError):
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ObjectCorrupt(
                f"{self.uri} is not a readable Parquet file ({reason}), so it was not loaded. Write it again: "
                "clear its transform."
            ) from error


def _opened(source: BinaryIO, uri: str) -> pq.ParquetFile:
    with _readable(uri):
        file = pq.ParquetFile(source, read_dictionary=["symbol"])
    _check_schema(file.schema_arrow, uri)
    return file


def _check_schema(schema: pa.Schema, uri: str) -> None:
    faults = [f"{name} is missing" for name in COLUMNS if name not in schema.names]
    for name in schema.names:
        if name not in COLUMNS:
            faults.append(f"{name} is not a column of the table")
        elif not _fits(name, schema.field(name).type):
            faults.append(f"{name} is {schema.field(name).type}, not {_TYPES.get(name, 'double')}")
    if faults:
        raise SchemaMismatch(
            f"{uri} does not fit its table, so nothing of it was loaded: {'; '.join(faults)}."
        )


def _fits(name: str, kind: pa.DataType) -> bool:
    if name == "symbol":
        value = kind.value_type if pa.types.is_dictionary(kind) else kind
        return bool(pa.types.is_string(value) or pa.types.is_large_string(value))
    if name == "timestamp":
        return bool(pa.types.is_timestamp(kind) and kind.tz == "UTC")
    return bool(kind.equals(pa.int64() if name == "volume" else pa.float64()))


def _check_values(batch: pa.RecordBatch, uri: str) -> None:
    for name in COLUMNS:
        if name not in NULLABLE and batch.column(name).null_count:
            raise SchemaMismatch(f"{uri} has rows without {name}, so it was not loaded.")
    stamps = batch.column("timestamp")
    span = pc.min_max(stamps.cast(pa.int64()))
    lowest, highest = span["min"].as_py(), span["max"].as_py()
    second = _UNITS[stamps.type.unit]
    if lowest is not None and not (lowest >= 0 and highest // second <= _LAST_SECOND):
        raise SchemaMismatch(
            f"{uri} has a timestamp before 1970 or after 2106, which the warehouse cannot hold, so it was not "
            "loaded."
        )
    whole = pc.multiply(pc.divide(stamps.cast(pa.int64()), second), second)
    if not pc.all(pc.equal(whole, stamps.cast(pa.int64())), min_count=0).as_py():
        raise SchemaMismatch(
            f"{uri} has a timestamp with a fraction of a second, which the warehouse cannot hold, so it was not "
            "loaded."
        )
