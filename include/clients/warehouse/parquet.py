"""Curated Parquet as Arrow batches: told from what is no Parquet, checked by its table's form, read in pieces."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only
import pyarrow.parquet as pq  # noqa: TID253

from include.clients.object_store import ObjectInfo, ObjectStore
from include.clients.warehouse.form import ReadPart, TableForm
from include.core.errors import ObjectChanged, ObjectCorrupt, UnsupportedFormat, about_object

BATCH_ROWS = 65_536
BATCH_BYTES = 16 << 20
"""Bytes a batch, decoded, unless one row alone is larger."""
AHEAD = 4
"""Batches decoded ahead."""
_FOOTER = 64 << 10
_MAGIC = b"PAR1"


def read_file(form: TableForm, key: str) -> ReadPart:
    """Read one small file whole."""
    data, info = form.store.read_with_info(key)
    uri = form.store.uri(key)
    _check_format(data[:4], uri)
    file = _opened(io.BytesIO(data), form, uri)
    rows, schema = file.metadata.num_rows, file.schema_arrow
    if not form.reads_at_once:
        return ReadPart(info=info, rows=rows, schema=schema, data=data)
    with _readable(uri):
        table = file.read(columns=form.columns)
    for batch in table.to_batches():
        form.check_values(batch, uri)
    return ReadPart(info=info, rows=table.num_rows, schema=schema, table=table)


def read_footer(form: TableForm, key: str, *, by_server: bool) -> ReadPart:
    """Check a file's schema by its last bytes alone."""
    store = form.store
    data, info = store.read_end(key, _FOOTER)
    needed = int.from_bytes(data[-8:-4], "little") + 8
    if data[-4:] == _MAGIC and len(data) < needed <= info.size:
        data, info = store.read_end(key, needed)
    if data[-4:] != _MAGIC:
        _check_format(store.read_start(key, 4), store.uri(key))
    with _readable(store.uri(key)):
        metadata = pq.read_metadata(io.BytesIO(data))
        schema = metadata.schema.to_arrow_schema()
    form.check_schema(schema, store.uri(key))
    return ReadPart(info=info, rows=metadata.num_rows, schema=schema, by_server=by_server)


def read_batches(
    form: TableForm, info: ObjectInfo, data: bytes | None = None, batch_rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """Yield a file's rows in batches; memory is some batches', whatever the file's size.

    Without its `data` the object is copied to a temporary file first: Parquet is read from its end, and one
    copy has one ETag. Raises `ObjectChanged` where that is not the one of `info`.
    """
    uri = form.store.uri(info.key)
    with about_object(info.key), ExitStack() as stack:
        if data is None:
            source: BinaryIO = stack.enter_context(tempfile.TemporaryFile())
            _copy(form.store, info, source)
        else:
            source = io.BytesIO(data)
        file = _opened(source, form, uri)
        rows = min(batch_rows, _rows_a_batch(file.metadata))
        with _readable(uri):
            batches = file.iter_batches(rows, columns=form.columns)
            # a small file is decoded sooner than a thread is started
            for batch in batches if data is not None else _ahead(batches):
                form.check_values(batch, uri)
                yield batch


def _copy(store: ObjectStore, info: ObjectInfo, target: BinaryIO) -> None:
    if store.download(info.key, target).etag != info.etag:
        raise ObjectChanged(f"{store.uri(info.key)} was written anew while it was loaded; it is loaded again")
    target.seek(0)


def _rows_a_batch(metadata: pq.FileMetaData) -> int:
    """Return how many rows make a batch: fewer of wide ones."""
    groups = range(metadata.num_row_groups)
    widest = max(
        (metadata.row_group(n).total_byte_size // max(metadata.row_group(n).num_rows, 1) for n in groups),
        default=0,
    )
    return max(1, min(BATCH_ROWS, BATCH_BYTES // max(widest, 1)))


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


def _check_format(start: bytes, uri: str) -> None:
    if not start:
        raise UnsupportedFormat(f"{uri} is empty, so it was not loaded. Write it again, or delete it.")
    if start != _MAGIC:
        raise UnsupportedFormat(
            f"{uri} is not Parquet (it starts with {start!r}, not with {_MAGIC!r}), so it was not loaded. Write "
            "it as Parquet, or under a name that does not end in .parquet."
        )


@contextmanager
def _readable(uri: str) -> Iterator[None]:
    """Turn Arrow's complaint about content into `ObjectCorrupt`."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ObjectCorrupt(
            f"{uri} is not a readable Parquet file ({reason}), so it was not loaded. Write it again: "
            "clear its transform."
        ) from error


def _opened(source: BinaryIO, form: TableForm, uri: str) -> pq.ParquetFile:
    with _readable(uri):
        metadata = pq.read_metadata(source)
        schema = metadata.schema.to_arrow_schema()
    form.check_schema(schema, uri)
    with _readable(uri):
        # not whole column chunks at once, which may be as large as the file
        buffer = 0 if form.reads_at_once else 1 << 20
        return pq.ParquetFile(
            source, metadata=metadata, read_dictionary=list(form.dictionaries), buffer_size=buffer
        )
