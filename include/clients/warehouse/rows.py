"""From files to the warehouse's rows: small files through us, in one statement; big ones by the server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only

from include.clients.object_store import THREADS
from include.clients.warehouse.form import ReadPart, TableForm
from include.clients.warehouse.ledger import Content
from include.clients.warehouse.parquet import (
    BATCH_BYTES,
    BATCH_ROWS,
    read_batches,
    read_file,
    read_footer,
)
from include.clients.warehouse.prices import STRICT
from include.core.contracts import CuratedFile
from include.core.errors import ObjectMissing, SchemaMismatch, StatementFailed, about_object

log = logging.getLogger(__name__)

SMALL = 4 << 20
"""Bytes up to which a file that goes through us is held in memory."""


def read_group(
    form: TableForm, files: Sequence[CuratedFile], by_server: Callable[[CuratedFile], bool]
) -> dict[str, ReadPart]:
    """Read small files whole and of the others the footer; every file's schema is checked here."""

    def read(file: CuratedFile) -> ReadPart:
        return _read(form, file, by_server=by_server(file))

    with ThreadPoolExecutor(THREADS, thread_name_prefix="curated") as pool:
        return dict(zip([file.key for file in files], pool.map(read, files), strict=True))


def read_schema(form: TableForm, file: CuratedFile) -> pa.Schema:
    """Return a file's schema."""
    return _read(form, file, by_server=False).schema


def _read(form: TableForm, file: CuratedFile, *, by_server: bool) -> ReadPart:
    with about_object(file.key):
        try:
            # an empty object has no last bytes to ask for
            if file.size and (by_server or file.size > SMALL):
                return read_footer(form, file.key, by_server=by_server)
            return read_file(form, file.key)
        except ObjectMissing as error:
            raise ObjectMissing(
                f"{form.store.uri(file.key)} was announced and is not there, so it was not loaded. Run its "
                "transform again."
            ) from error


def write_rows(
    form: TableForm,
    parts: Sequence[tuple[Content, ReadPart]],
    columns: dict[str, str],
    batch_rows: int | None = None,
) -> None:
    """Write all rows of the files; with `batch_rows`, as many by each INSERT."""
    filled = [(content, part) for content, part in parts if part.rows]
    by_server = [content for content, part in filled if part.by_server]
    by_us = [(content, part) for content, part in filled if not part.by_server]
    if by_server:
        try:
            form.write_by_server(by_server)
        except (SchemaMismatch, StatementFailed) as error:
            # the server rarely says which file it could not read; who reads them one by one can
            log.warning("%d files are sent instead of read by the server: %s", len(by_server), error)
            by_us += [(content, replace(part, by_server=False)) for content, part in filled if part.by_server]
    if by_us:
        _insert(form, _batches(form, by_us, columns, batch_rows), batch_rows)


def _insert(form: TableForm, batches: Iterator[pa.RecordBatch], batch_rows: int | None) -> None:
    if batch_rows is None:
        form.warehouse.insert(form.table.rows, batches, settings=STRICT, exact=form.exact)
        return
    for batch in batches:
        for first in range(0, batch.num_rows, batch_rows):
            piece = batch.slice(first, batch_rows)
            form.warehouse.insert(form.table.rows, [piece], settings=STRICT, exact=form.exact)


def _batches(
    form: TableForm,
    parts: Sequence[tuple[Content, ReadPart]],
    columns: dict[str, str],
    batch_rows: int | None,
) -> Iterator[pa.RecordBatch]:
    """Yield the small files' rows in as few batches as possible, then the big files', one file at a time."""
    decoded = [
        batch
        for content, part in parts
        if part.table is not None
        for batch in form.rows_of(content, part.table.to_batches(), columns)
    ]
    if decoded:
        whole = pa.Table.from_batches(decoded, schema=decoded[0].schema)
        yield from whole.unify_dictionaries().combine_chunks().to_batches()
    rows = min(batch_rows or BATCH_ROWS, BATCH_ROWS)
    small = [(content, part) for content, part in parts if part.data is not None]
    yield from _combined(
        batch
        for content, part in small
        for batch in form.rows_of(content, read_batches(form, content.info, part.data, rows), columns)
    )
    for content, part in parts:
        if part.table is None and part.data is None:
            yield from form.rows_of(content, read_batches(form, content.info, None, rows), columns)


def _combined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield few large batches for many small ones."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= BATCH_ROWS or size >= BATCH_BYTES:
            yield from pa.Table.from_batches(held).combine_chunks().to_batches()
            held, rows, size = [], 0, 0
    if held:
        yield from pa.Table.from_batches(held).combine_chunks().to_batches()
