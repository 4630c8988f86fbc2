"""Curated Parquet files: one a session day, written so that an older manifest never replaces a newer one's."""

from __future__ import annotations

from datetime import date

import polars as pl  # noqa: TID253 - this module is imported inside tasks only
import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only
import pyarrow.parquet as pq  # noqa: TID253 - this module is imported inside tasks only
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from include.clients.object_store import ObjectInfo, ObjectStore
from include.core.errors import ObjectChanged, ObjectMissing
from include.prices.schema import COLUMNS, SCHEMA

REVISION = b"tapeline.manifest_revision"
"""Key in a file's Parquet metadata: the revision of the manifest it was made from."""
ATTEMPTS = 8


class NewerFileExists(Exception):
    """The file under the key was made from a newer manifest than ours; not an error by itself."""

    def __init__(self, key: str, theirs: int) -> None:
        self.theirs = theirs
        super().__init__(f"{key} was made from revision {theirs}")


def encode_days(rows: pl.DataFrame, revisions: dict[date, int]) -> dict[date, tuple[bytes, int]]:
    """Return `{ds: (Parquet, rows)}` for the valid rows, sorted by `ds`, symbol and time.

    The bytes depend on nothing but the rows and the revision of the day's manifest.
    """
    table = rows.select(COLUMNS).to_arrow().cast(SCHEMA).combine_chunks()
    runs = rows.select(pl.col("ds").rle().alias("run")).unnest("run")
    files, start = {}, 0
    for length, ds in runs.iter_rows():
        files[ds] = (encode_day(table.slice(start, length), revisions[ds]), length)
        start += length
    return files


def encode_day(table: pa.Table, revision: int) -> bytes:
    """Return one day's Parquet: ZSTD, fixed settings, the revision in its metadata."""
    sink = pa.BufferOutputStream()
    # the Arrow schema is stored too: without it a file of one row could be smaller than the 1,024 bytes
    # that the load rule's filter takes for an empty file
    pq.write_table(
        table.replace_schema_metadata({REVISION: str(revision)}),
        sink,
        compression="zstd",
        compression_level=3,
        use_dictionary=["symbol"],
        version="2.6",
        store_schema=True,
    )
    return sink.getvalue().to_pybytes()


def empty_day(revision: int) -> bytes:
    """Return a Parquet file of no rows: the truth of a day whose rows are all gone."""
    return encode_day(SCHEMA.empty_table(), revision)


def revision_of(data: bytes) -> int:
    """Return the revision in a Parquet file's metadata; 0 where it is none of ours or cannot be read."""
    try:
        metadata = pq.read_metadata(pa.BufferReader(data)).metadata or {}
        return int(metadata.get(REVISION, b"0"))
    except (pa.ArrowException, OSError, ValueError):
        return 0


def publish_file(curated: ObjectStore, key: str, data: bytes, revision: int) -> ObjectInfo:
    """Put a day's file under its key, and return what stands there afterwards.

    One request for a new file. The same bytes are left as they are (same ETag). Raises `NewerFileExists`
    where the file there was made from a newer manifest, `ObjectChanged` where others kept writing.
    """
    for attempt in Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random(0, 0.1),
        retry=retry_if_exception_type(ObjectChanged),
        reraise=True,
    ):
        with attempt:
            return _create(curated, key, data) or _replace(curated, key, data, revision)
    raise AssertionError("unreachable: tenacity returns or raises")


def _replace(curated: ObjectStore, key: str, data: bytes, revision: int) -> ObjectInfo:
    """Settle with the file that stands there already; `ObjectChanged` where it moved meanwhile."""
    try:
        theirs, info = curated.read_with_info(key)
    except ObjectMissing as error:
        raise ObjectChanged(f"{curated.uri(key)} was deleted meanwhile") from error
    if theirs == data:
        return info
    if revision_of(theirs) > revision:
        raise NewerFileExists(key, revision_of(theirs))
    return curated.replace(key, data, etag=info.etag)


def _create(curated: ObjectStore, key: str, data: bytes) -> ObjectInfo | None:
    try:
        return curated.replace(key, data, etag=None)
    except ObjectChanged:
        return None
