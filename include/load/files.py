"""From valid messages to the files they mean: where each is, and which are loaded already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType

from include.clients.object_store import THREADS, ObjectInfo, ObjectStore
from include.clients.queues import Message
from include.clients.warehouse import Warehouse
from include.clients.warehouse.ledger import read_histories
from include.clients.warehouse.tables import WarehouseTable
from include.core.contracts import CuratedFile, CuratedFileList
from include.core.errors import (
    ObjectMissing,
    ObjectStoreUnavailable,
    SchemaMismatch,
    StatementFailed,
    TapelineError,
)
from include.load.messages import Announced
from include.load.outage import Patience, store_answers
from include.load.policy import Failure, in_rounds

Spellings = tuple[str, ...]
"""Keys under which one file may be."""


@dataclass(frozen=True)
class Found:
    """A file that is in the bucket, and the messages that announced it."""

    info: ObjectInfo
    domain: str
    table_name: str
    correlation_id: str
    """Of the first of its messages."""
    messages: list[Message] = field(compare=False)

    def __hash__(self) -> int:
        return hash(self.info.key)


def locate_files(
    store: ObjectStore, announced: Sequence[Announced], patience: Patience
) -> tuple[list[Found], list[tuple[Message, Failure]]]:
    """Return the files, each once however often it was announced, and the messages whose file is not there."""
    infos: dict[Spellings, ObjectInfo] = {}

    def attempt(
        pending: Sequence[Spellings], _: Mapping[Spellings, Exception] = MappingProxyType({})
    ) -> dict[Spellings, Exception]:
        found, failed = _look(store, pending)
        infos.update(found)
        away = [one for one, error in failed.items() if isinstance(error, ObjectStoreUnavailable)]
        if away and patience.was_outage(lambda: store_answers(store, away[0][0]), failed[away[0]]):
            failed = {one: error for one, error in failed.items() if one not in away} | attempt(away)
        return failed

    failures = in_rounds(list(dict.fromkeys(one.spellings for one in announced)), attempt, patience.sleep)
    files: dict[str, Found] = {}
    nowhere: list[tuple[Message, Failure]] = []
    for one in announced:
        if one.spellings in failures:
            nowhere.append((one.message, failures[one.spellings]))
            continue
        info, asked = infos[one.spellings], one.asked
        new = Found(info, asked.domain, asked.table_name, asked.correlation_id, [])
        files.setdefault(info.key, new).messages.append(one.message)
    return list(files.values()), nowhere


def drop_loaded(warehouse: Warehouse, files: Sequence[Found]) -> tuple[list[Found], list[Found]]:
    """Return the files whose content is not loaded yet, and those whose is; two queries a table."""
    pending: list[Found] = []
    loaded: list[Found] = []
    for group in by_table(files):
        try:
            table = WarehouseTable(group[0].domain, group[0].table_name)
            known = read_histories(warehouse, table, [file.info.key for file in group])
        except (StatementFailed, SchemaMismatch):  # no file was ever loaded into this domain
            known = {}
        for file in group:
            done = file.info.key in known and known[file.info.key].is_loaded(file.info.etag)
            (loaded if done else pending).append(file)
    return pending, loaded


def by_table(files: Iterable[Found]) -> list[list[Found]]:
    """Return each table's files together, in the order of their messages."""
    groups: dict[tuple[str, str], list[Found]] = {}
    for file in files:
        groups.setdefault((file.domain, file.table_name), []).append(file)
    return list(groups.values())


def as_list(files: Sequence[Found]) -> CuratedFileList:
    """Return files of one table as the loader takes them; their rows are counted as they are read."""
    return CuratedFileList(
        domain=files[0].domain,
        table_name=files[0].table_name,
        files=[
            CuratedFile(key=file.info.key, etag=file.info.etag, size=file.info.size, rows=0) for file in files
        ],
    )


def _look(
    store: ObjectStore, wanted: Sequence[Spellings]
) -> tuple[dict[Spellings, ObjectInfo], dict[Spellings, Exception]]:
    """Ask for all files at once; return those that are there, and why the others are not."""

    def look(spellings: Spellings) -> ObjectInfo | Exception:
        try:
            return next((info for key in spellings if (info := store.head(key))), None) or ObjectMissing(
                f"{store.uri(spellings[0])} was announced and is not there, so it was not loaded. Write the "
                "file again: that announces it anew, and this letter can be deleted."
            )
        except TapelineError as error:
            return error

    found: dict[Spellings, ObjectInfo] = {}
    failed: dict[Spellings, Exception] = {}
    with ThreadPoolExecutor(THREADS, thread_name_prefix="curated") as pool:
        for spellings, answer in zip(wanted, pool.map(look, wanted), strict=True):
            if isinstance(answer, ObjectInfo):
                found[spellings] = answer
            else:
                failed[spellings] = answer
    return found, failed
