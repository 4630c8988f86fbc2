"""From files to the warehouse's rows: small files through us, in one statement; big ones by the server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only

from include.clients.object_store import THREADS, ObjectInfo, ObjectStore
from include.clients.warehouse.interface import Warehouse
from include.clients.warehouse.ledger import Content
from include.clients.warehouse.parquet import file_id, read_batches, read_file, read_footer, with_origin
from include.clients.warehouse.tables import WarehouseTable, read_sql
from include.core.contracts import CuratedFile
from include.core.errors import ObjectMissing, SchemaMismatch, StatementFailed

log = logging.getLogger(__name__)

SMALL = 4 << 20
"""Bytes up to which a file that goes through us is held in memory."""
# Without these ClickHouse makes a value up: 0 for a null or a missing column, another year for a far time.
STRICT = {
    "input_format_null_as_default": 0,
    "input_format_parquet_allow_missing_columns": 0,
    "date_time_overflow_behavior": "throw",
    # a block may hold many months of few symbols
    "max_partitions_per_insert_block": 0,
}


@dataclass(frozen=True)
class ReadPart:
    """What was read of a file before its rows are written."""

    info: ObjectInfo
    rows: int
    by_server: bool
    table: pa.Table | None = None
    """Its rows, where it is small and goes through us."""


def read_group(
    store: ObjectStore, files: Sequence[CuratedFile], by_server: Callable[[CuratedFile], bool]
) -> dict[str, ReadPart]:
    """Read small files whole and of the others the footer; every file's schema is checked here."""

    def read(file: CuratedFile) -> ReadPart:
        try:
            if by_server(file) or file.size > SMALL:
                info, rows = read_footer(store, file.key)
                return ReadPart(info=info, rows=rows, by_server=by_server(file))
            whole = read_file(store, file.key)
        except ObjectMissing as error:
            raise ObjectMissing(
                f"{store.uri(file.key)} was announced and is not there, so it was not loaded. Run its "
                "transform again."
            ) from error
        return ReadPart(info=whole.info, rows=whole.table.num_rows, by_server=False, table=whole.table)

    with ThreadPoolExecutor(THREADS, thread_name_prefix="curated") as pool:
        return dict(zip([file.key for file in files], pool.map(read, files), strict=True))


def write_rows(
    warehouse: Warehouse, store: ObjectStore, table: WarehouseTable, parts: Sequence[tuple[Content, ReadPart]]
) -> None:
    """Write all rows of the files."""
    filled = [(content, part) for content, part in parts if part.rows]
    by_server = [content for content, part in filled if part.by_server]
    by_us = [(content, part) for content, part in filled if not part.by_server]
    if by_server:
        try:
            _write_by_server(warehouse, store, table, by_server)
        except (SchemaMismatch, StatementFailed) as error:
            # the server rarely says which file it could not read; who reads them one by one can
            log.warning("%d files are sent instead of read by the server: %s", len(by_server), error)
            by_us += [(content, replace(part, by_server=False)) for content, part in filled if part.by_server]
    if by_us:
        warehouse.insert(table.rows, _batches(store, by_us), settings=STRICT)


def _write_by_server(
    warehouse: Warehouse, store: ObjectStore, table: WarehouseTable, contents: Sequence[Content]
) -> None:
    keys = [content.info.key for content in contents]
    warehouse.execute(
        read_sql("insert_prices_from_s3", table),
        {
            "url": store.http_url(keys[0] if len(keys) == 1 else "{" + ",".join(keys) + "}"),
            "paths": [f"{store.bucket}/{key}" for key in keys],
            "ids": [file_id(key) for key in keys],
            "etags": [content.info.etag for content in contents],
            "versions": [content.version for content in contents],
        },
        settings=STRICT,
    )


def _batches(store: ObjectStore, parts: Sequence[tuple[Content, ReadPart]]) -> Iterator[pa.RecordBatch]:
    """Yield the small files' rows in as few batches as possible, then the big files', one file at a time."""
    small = [
        batch
        for content, part in parts
        if part.table is not None
        for batch in with_origin(part.table.to_batches(), content.info.key, content.version)
    ]
    if small:
        whole = pa.Table.from_batches(small, schema=small[0].schema)
        yield from whole.unify_dictionaries().combine_chunks().to_batches()
    for content, part in parts:
        if part.table is None:
            batches = read_batches(store, content.info.key, content.info.etag)
            yield from with_origin(batches, content.info.key, content.version)
