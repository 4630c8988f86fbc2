"""Read the RAW objects that manifests name, many at once, and say by name which of them cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl  # noqa: TID253 - this module is imported inside tasks only
from pydantic import ValidationError

from include.clients.object_store import THREADS, ObjectStore
from include.core.contracts import Manifest, ManifestObject, ManifestRef
from include.core.errors import ManifestMissing, ObjectCorrupt, ObjectMissing
from include.core.keys import FileFormat, RawTable
from include.prices import raw_files
from include.prices.schema import FRAME, FrameSchema

ROWS_AT_A_TIME = 100_000
"""About 16 MB of RAW text: what one pass parses; the next one is being read meanwhile."""
ROWS: FrameSchema = {**FRAME, "ds": pl.Date, "asked": pl.String, "object": pl.UInt32}
"""A RAW row with its object's session day, symbol and place in the order of reading."""


@dataclass(frozen=True)
class DayObject:
    """One object to read."""

    ds: date
    entry: ManifestObject


@dataclass(frozen=True)
class ObjectFault:
    """An object whose rows are lost to the curated table."""

    ds: date
    symbol: str
    key: str
    records: int
    """Rows that the manifest promised."""
    reason: str
    """`missing_object` or `corrupt_object`."""
    detail: str


@dataclass(frozen=True)
class RawRows:
    """What one pass gave."""

    rows: pl.DataFrame
    """Columns of `ROWS`, in the order of the manifests."""
    keys: list[str]
    """Of the objects, by their place (column `object`)."""
    faults: list[ObjectFault]


def read_manifests(raw: ObjectStore, table: RawTable, refs: Sequence[ManifestRef]) -> list[Manifest]:
    """Return the manifests by day; raise `ManifestMissing` or `ObjectCorrupt` naming the first bad one."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="manifests") as pool:
        found = pool.map(lambda ref: _manifest(raw, table, ref), refs)
        return sorted(found, key=lambda manifest: manifest.ds)


def _manifest(raw: ObjectStore, table: RawTable, ref: ManifestRef) -> Manifest:
    where = raw.uri(ref.manifest_key)
    try:
        manifest = Manifest.model_validate_json(raw.read(ref.manifest_key))
    except ObjectMissing as error:
        raise ManifestMissing(
            f"{where} does not exist, so the RAW objects of {ref.ds} are not known. Run the extract for "
            f"{ref.ds} again: it writes the day's manifest last."
        ) from error
    except ValidationError as error:
        fault = error.errors()[0]
        raise ObjectCorrupt(
            f"{where} is not a manifest ({'.'.join(map(str, fault['loc'])) or 'JSON'}: {fault['msg']}). "
            f"Delete it and run the extract for {ref.ds} again."
        ) from error
    mine = (table.domain, table.table_name, table.interval, table.data_source, ref.ds)
    its = (manifest.domain, manifest.table_name, manifest.interval, manifest.data_source, manifest.ds)
    prefix = table.day_prefix(ref.ds)
    foreign = [entry.key for entry in manifest.objects if not entry.key.startswith(prefix)]
    if mine != its or foreign:
        raise ObjectCorrupt(
            f"{where} is not the manifest of {ref.ds} under {prefix}: it is of {its[-1]} and names "
            f"{foreign[:3] or its[:-1]}. Delete it and run the extract for {ref.ds} again."
        )
    return manifest


def read_objects(raw: ObjectStore, objects: Sequence[DayObject]) -> RawRows:
    """Read and parse objects in one pass a format; an unusable object becomes a fault, never an exception.

    Raises only what the store does: `ObjectStoreUnavailable`, `CredentialsMissing`.
    """
    faults: list[ObjectFault] = []
    bodies: dict[FileFormat, list[tuple[int, bytes]]] = {"json": [], "csv": []}
    with ThreadPoolExecutor(THREADS, thread_name_prefix="raw") as pool:
        found = pool.map(lambda item: _body(raw, item.entry), objects)
        for index, (item, text) in enumerate(zip(objects, found, strict=True)):
            if isinstance(text, bytes):
                bodies[raw_files.format_of(item.entry.key)].append((index, text))
            else:
                faults.append(_fault(item, text))
    frames = [_parse(objects, texts, kind, faults) for kind, texts in bodies.items() if texts]
    rows = pl.concat(frames) if frames else pl.DataFrame(schema=ROWS)
    faults.sort(key=lambda fault: (fault.ds, fault.key))
    return RawRows(rows, [item.entry.key for item in objects], faults)


def _body(raw: ObjectStore, entry: ManifestObject) -> bytes | ObjectCorrupt | ObjectMissing:
    try:
        return raw_files.body(entry.key, raw.read(entry.key), entry.records)
    except (ObjectCorrupt, ObjectMissing) as error:
        return error


def _parse(
    objects: Sequence[DayObject], texts: list[tuple[int, bytes]], kind: FileFormat, faults: list[ObjectFault]
) -> pl.DataFrame:
    """Parse all texts at once; where that fails, find the culprits one by one, then parse the others."""
    try:
        return _rows(objects, texts, kind)
    except ObjectCorrupt:
        good = []
        for index, text in texts:
            item = objects[index]
            try:
                raw_files.parse([text], kind, item.entry.records)
                good.append((index, text))
            except ObjectCorrupt as error:
                faults.append(_fault(item, ObjectCorrupt(f"{item.entry.key}: {error}")))
        if len(good) == len(texts):
            raise
        return _rows(objects, good, kind)


def _rows(objects: Sequence[DayObject], texts: list[tuple[int, bytes]], kind: FileFormat) -> pl.DataFrame:
    chosen = [objects[index] for index, _ in texts]
    records = [item.entry.records for item in chosen]
    rows = raw_files.parse([text for _, text in texts], kind, sum(records))
    place = pl.Series(np.repeat(np.arange(len(chosen), dtype=np.uint32), records))
    return rows.with_columns(
        pl.Series("ds", [item.ds for item in chosen], pl.Date).gather(place),
        pl.Series("asked", [item.entry.symbol for item in chosen], pl.String).gather(place),
        pl.Series("object", [index for index, _ in texts], pl.UInt32).gather(place),
    )


def _fault(item: DayObject, error: Exception) -> ObjectFault:
    entry = item.entry
    reason = "missing_object" if isinstance(error, ObjectMissing) else "corrupt_object"
    return ObjectFault(item.ds, entry.symbol, entry.key, entry.records, reason, str(error))
