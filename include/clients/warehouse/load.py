"""Load curated files: each file's content once, whatever is repeated, at once or killed on the way.

For a group of files: read what is known of them, read the files, make their table fit, claim their contents,
write the rows, mark rows that an earlier content had and this one has not, look whether somebody else wrote
meanwhile, audit, settle. Every step may be repeated, so a loader that dies is followed by one that starts over.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from include.clients.object_store import ObjectStore
from include.clients.warehouse.form import TableForm
from include.clients.warehouse.interface import Warehouse
from include.clients.warehouse.kind import Kind, form_of
from include.clients.warehouse.ledger import (
    Claim,
    Content,
    History,
    read_histories,
    write_audit,
    write_claims,
)
from include.clients.warehouse.rows import SMALL, read_group, write_rows
from include.clients.warehouse.tables import WarehouseTable
from include.core.contracts import CuratedFile, CuratedFileList
from include.core.errors import ObjectChanged

log = logging.getLogger(__name__)
Way = Literal["auto", "server", "stream"]
GROUP_FILES = 500
"""Files a group: their names make a URL of some 25 kB."""
GROUP_BYTES = 64 << 20
"""Bytes a group of files up to `SMALL`, which are held in memory when they go through us."""
GROUP_BIG_BYTES = 1 << 30
"""Bytes a group of any files, unless one file alone is larger: what is done again after a crash."""
_ROUNDS = 3
_GLOB = re.compile(r"[^A-Za-z0-9._=/\-]")


@dataclass(frozen=True)
class LoadResult:
    """What a call of `load_files` did."""

    loaded: int
    """Files whose content was new."""
    skipped: int
    """Files whose content was loaded before."""
    rows: int
    """Rows of the loaded files."""


def load_files(
    warehouse: Warehouse,
    store: ObjectStore,
    asked: CuratedFileList,
    *,
    correlation_id: str | Mapping[str, str],
    way: Way = "auto",
    batch_rows: int | None = None,
    kind: Kind = "auto",
) -> LoadResult:
    """Load the files that are not loaded yet: prices by the server where it may read S3, all else through us.

    What is loaded is what is in the bucket now: where a file was written anew since it was announced, its
    new content. `correlation_id` is one for all, or each file's by its key. `batch_rows`: rows that are read
    and inserted at once, each time by a statement of its own, for a warehouse that is short of memory. `kind`
    is for who knows that the files are prices, whatever their table is called.

    Raises `ObjectMissing`, `UnsupportedFormat`, `ObjectCorrupt`, `SchemaMismatch` (nothing of that file's
    group is audited; the error's `key` names the file where it is known), `ObjectChanged` where a file does
    not come to rest, and the warehouse's own errors.
    """
    table = WarehouseTable(asked.domain, asked.table_name)
    form = form_of(warehouse, store, table, asked.files, kind)
    form.migrate()
    loader = _Loader(form, correlation_id, way, batch_rows)
    loaded = rows = 0
    for group in _groups(asked.files):
        contents = loader.load(group)
        loaded += len(contents)
        rows += sum(content.rows for content in contents)
    return LoadResult(loaded=loaded, skipped=len(asked.files) - loaded, rows=rows)


def _groups(files: Sequence[CuratedFile]) -> Iterator[list[CuratedFile]]:
    group: list[CuratedFile] = []
    held = size = 0
    # of a file named twice, one is enough: what is loaded is what is in the bucket
    for file in {file.key: file for file in files}.values():
        more = file.size if file.size <= SMALL else 0
        full = len(group) == GROUP_FILES or held + more > GROUP_BYTES or size + file.size > GROUP_BIG_BYTES
        if group and full:
            yield group
            group, held, size = [], 0, 0
        group.append(file)
        held += more
        size += file.size
    if group:
        yield group


@dataclass(frozen=True)
class _Loader:
    form: TableForm
    correlation_id: str | Mapping[str, str]
    way: Way
    batch_rows: int | None

    def load(self, files: Sequence[CuratedFile]) -> list[Content]:
        """Load one group; return the contents that were new."""
        done: list[Content] = []
        histories = self._histories(files)
        pending = [file for file in files if not histories[file.key].is_loaded(file.etag)]
        for _ in range(_ROUNDS):
            if not pending:
                return done
            try:
                contents, lost = self._load_once(pending, histories)
            except ObjectChanged as error:
                log.info("%s", error)
                contents, lost = [], {file.key for file in pending}
            done += contents
            pending = [file for file in pending if file.key in lost]
            histories = self._histories(pending)
        if not pending:
            return done
        names = ", ".join(self.form.store.uri(file.key) for file in pending[:3])
        raise ObjectChanged(
            f"{names} was written anew while it was loaded, again and again; it is tried again"
        )

    def _load_once(
        self, files: Sequence[CuratedFile], histories: dict[str, History]
    ) -> tuple[list[Content], set[str]]:
        """Load files once; return the contents that are new, and the files that somebody else claimed meanwhile."""
        warehouse, table = self.form.warehouse, self.form.table
        read = read_group(self.form, files, self._by_server)
        columns = self.form.prepare(read)
        contents = {
            key: Content(info=part.info, version=histories[key].version_of(part.info), rows=part.rows)
            for key, part in read.items()
        }
        fresh = [c for key, c in contents.items() if not histories[key].is_loaded(c.info.etag)]
        write_claims(warehouse, table, [(c.info.key, _claim(c)) for c in fresh])
        write_rows(self.form, [(c, read[c.info.key]) for c in fresh], columns, self.batch_rows)
        announced = {file.key: file.etag for file in files}
        corrected = [
            content
            for key, content in contents.items()
            if announced[key] != content.info.etag or histories[key].others(content.info.etag)
        ]
        self.form.hide_removed(corrected)
        now = read_histories(warehouse, table, contents, audited=False)
        lost = {
            key
            for key, content in contents.items()
            if any(other.version >= content.version for other in now[key].others(content.info.etag))
        }
        kept = [content for content in fresh if content.info.key not in lost]
        write_audit(warehouse, table, kept, self.correlation_id)
        self._settle([content for key, content in contents.items() if key not in lost], histories)
        self.form.clean_up(kept, histories)
        return kept, lost

    def _by_server(self, file: CuratedFile) -> bool:
        if not self.form.by_server or self.batch_rows or self.way == "stream":
            return False
        if not self.form.warehouse.reads_s3 or _GLOB.search(file.key):
            return False
        # a small file is faster sent by us: one request to S3 for it instead of three
        return self.way == "server" or file.size > SMALL

    def _histories(self, files: Sequence[CuratedFile]) -> dict[str, History]:
        return read_histories(self.form.warehouse, self.form.table, [file.key for file in files])

    def _settle(self, contents: Sequence[Content], histories: dict[str, History]) -> None:
        """Note that nothing unaudited is left: these contents are, and earlier ones' rows are marked."""
        claims = []
        for content in contents:
            others = histories[content.info.key].others(content.info.etag)
            claims += [
                (content.info.key, Claim(c.etag, c.version, settled=True)) for c in others if not c.settled
            ]
            claims.append((content.info.key, _claim(content, settled=True)))
        write_claims(self.form.warehouse, self.form.table, claims)


def _claim(content: Content, *, settled: bool = False) -> Claim:
    return Claim(etag=content.info.etag, version=content.version, settled=settled)
