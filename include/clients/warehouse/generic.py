"""Tables of any columns: what their files have is what they hold, one row a row of a file (docs/adr/0016)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only

from include.clients.warehouse.casting import cast_batch
from include.clients.warehouse.form import ReadPart, TableForm
from include.clients.warehouse.ledger import Content, History
from include.clients.warehouse.parquet import file_id
from include.clients.warehouse.schema import MODERN, ORIGIN, columns_of, fit_table
from include.clients.warehouse.tables import migrate, read_sql
from include.core.errors import TapelineError, about_object

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GenericForm(TableForm):
    """Tables that follow their files' schemas. Rows show once their file's content is settled, all at once."""

    def migrate(self) -> None:
        migrate(self.warehouse, self.table, prices=False)

    def check_schema(self, schema: pa.Schema, uri: str) -> None:
        columns_of(schema, uri, modern=True)

    def check_values(self, batch: pa.RecordBatch, uri: str) -> None:
        """Check nothing here: `rows_of` does, which knows the table's types."""

    def prepare(self, parts: Mapping[str, ReadPart]) -> dict[str, str]:
        modern = self.warehouse.version >= MODERN
        columns = {}
        for key, part in parts.items():
            with about_object(key):
                columns[key] = columns_of(part.schema, self.store.uri(key), modern=modern)
        return fit_table(self.warehouse, self.table, columns)

    def rows_of(
        self, content: Content, batches: Iterable[pa.RecordBatch], columns: dict[str, str]
    ) -> Iterator[pa.RecordBatch]:
        key, number = content.info.key, 0
        file = pa.scalar(file_id(key), pa.uint64())
        version = pa.scalar(content.version, pa.uint64())
        for batch in batches:
            with about_object(key):
                cast = cast_batch(batch, columns, self.store.uri(key))
            count = batch.num_rows
            origin = [
                pa.repeat(file, count),
                pa.array(np.arange(number, number + count, dtype=np.uint64)),
                pa.repeat(version, count),
            ]
            number += count
            yield pa.RecordBatch.from_arrays([*cast.columns, *origin], names=[*columns, *ORIGIN])

    def hide_removed(self, contents: Sequence[Content]) -> None:
        """Hide nothing: the view shows the rows of a file's newest content alone."""

    def clean_up(self, contents: Sequence[Content], histories: Mapping[str, History]) -> None:
        """Delete contents that had two successors; who reads right now may still read the last one."""
        past = {}
        for content in contents:
            others = histories[content.info.key].others(content.info.etag)
            last = max((claim.version for claim in others if claim.settled), default=0)
            if any(claim.version < last for claim in others):
                past[file_id(content.info.key)] = last
        if not past:
            return
        lists = {"ids": ", ".join(map(str, past)), "versions": ", ".join(map(str, past.values()))}
        try:
            self.warehouse.execute(read_sql("delete_any_overtaken", self.table, **lists))
        except TapelineError as error:
            log.warning(
                "Old rows of %s take space until a later load deletes them: %s", self.table.view, error
            )
