"""From manifests to curated days: read, parse, check and encode, a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl  # noqa: TID253 - this module is imported inside tasks only

from include.clients.object_store import ObjectStore
from include.core.contracts import Manifest, ManifestRef
from include.core.errors import ManifestMissing, ObjectCorrupt
from include.core.keys import RawTable
from include.prices import curated_files, raw_reader
from include.prices.quality import JUMP, check_rows
from include.prices.quality_report import Tally
from include.prices.raw_reader import DayObject, RawRows


@dataclass
class BuiltDays:
    """A group of days, made but not yet published."""

    manifests: dict[date, Manifest]
    files: dict[date, tuple[bytes, int]] = field(default_factory=dict)
    """Parquet and its rows by session day; a day without a valid row is not in it."""
    tally: Tally = field(default_factory=Tally)


@dataclass
class DayBuilder:
    """Makes the curated days of one table from RAW."""

    raw: ObjectStore
    table: RawTable
    now: datetime
    """UTC; a later bar is invalid."""
    sessions: Sequence[date]
    """Session days, ascending, from some before the group's first day to its last."""

    def build_days(self, refs: Sequence[ManifestRef]) -> BuiltDays:
        """Return the days of the manifests; the same RAW objects give the same bytes, however days are grouped."""
        manifests = raw_reader.read_manifests(self.raw, self.table, refs)
        built = BuiltDays({manifest.ds: manifest for manifest in manifests})
        before = self._manifest_before(manifests[0].ds, 1)
        self._count(built, before)
        days = sorted({*self.sessions, *built.manifests})
        context = self._rows_of(before)
        for number, (batch, rows) in enumerate(self._read_ahead(list(_batches(manifests)))):
            checked = self._check(context, rows.rows, days)
            if number == 0 and self._accused(checked, batch[0].ds):
                context = pl.concat([self._second_opinion(checked, batch[0].ds), context])
                checked = self._check(context, rows.rows, days)
            own = checked.filter(pl.col("ds") >= batch[0].ds)
            built.tally.add_rows(own, rows.keys, rows.faults)
            good = own.filter(pl.col("reason").is_null())
            revisions = {manifest.ds: manifest.revision for manifest in batch}
            built.files |= curated_files.encode_days(good, revisions)
            context = self._tail(checked, days, batch[-1].ds)
        return built

    def _read_ahead(self, batches: list[list[Manifest]]) -> Iterator[tuple[list[Manifest], RawRows]]:
        """Yield each batch with its rows; the next one is read while the caller works on this one."""

        def read(batch: list[Manifest]) -> RawRows:
            return raw_reader.read_objects(self.raw, _objects(batch))

        with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
            reading = pool.submit(read, batches[0])
            for number, batch in enumerate(batches):
                rows = reading.result()
                if number + 1 < len(batches):
                    reading = pool.submit(read, batches[number + 1])
                yield batch, rows

    def _check(self, context: pl.DataFrame, rows: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
        return check_rows(
            pl.concat([context, rows]), interval=self.table.interval, now=self.now, sessions=days
        )

    def _count(self, built: BuiltDays, before: Manifest | None) -> None:
        for ds in self.sessions:
            manifest = built.manifests.get(ds)
            if manifest is not None:
                built.tally.add_absent(before, manifest)
            before = manifest or before
        for manifest in built.manifests.values():
            built.tally.add_manifest(manifest)

    def _manifest_before(self, ds: date, back: int) -> Manifest | None:
        """Return the manifest of the session `back` sessions before `ds`, where there is a readable one."""
        earlier = [day for day in self.sessions if day < ds][-back:]
        if len(earlier) < back:
            return None
        ref = ManifestRef(ds=earlier[0], manifest_key=self.table.manifest_key(earlier[0]))
        try:
            return raw_reader.read_manifests(self.raw, self.table, [ref])[0]
        except (ManifestMissing, ObjectCorrupt):
            return None  # it is that day's own transform that says so

    def _rows_of(self, manifest: Manifest | None, symbols: set[str] | None = None) -> pl.DataFrame:
        """Return the RAW rows of an earlier session; nothing where there is no manifest."""
        objects = _objects([manifest]) if manifest else []
        chosen = [item for item in objects if symbols is None or item.entry.symbol in symbols]
        if not chosen:
            return pl.DataFrame(schema=raw_reader.ROWS)
        rows: RawRows = raw_reader.read_objects(self.raw, chosen)
        return rows.rows

    @staticmethod
    def _accused(checked: pl.DataFrame, ds: date) -> set[str]:
        """Return the symbols whose bars of the first day jump against the session before."""
        jumped = checked.filter((pl.col("ds") == ds) & (pl.col("reason") == JUMP))
        return set(jumped["asked"].unique())

    def _second_opinion(self, checked: pl.DataFrame, ds: date) -> pl.DataFrame:
        """Return the accused symbols' rows of two sessions before, for `jumps.flag_jumps`."""
        return self._rows_of(self._manifest_before(ds, 2), self._accused(checked, ds))

    @staticmethod
    def _tail(checked: pl.DataFrame, days: Sequence[date], last: date) -> pl.DataFrame:
        """Return the rows that the next pass may be compared to: those of the last two sessions."""
        recent = [day for day in days if day <= last][-2:]
        return checked.filter(pl.col("ds").is_in(recent)).select(list(raw_reader.ROWS))


def _objects(manifests: Sequence[Manifest]) -> list[DayObject]:
    return [DayObject(manifest.ds, entry) for manifest in manifests for entry in manifest.objects]


def _batches(manifests: Sequence[Manifest]) -> Iterator[list[Manifest]]:
    """Yield the days in runs of at most `ROWS_AT_A_TIME` rows; a day is never split."""
    batch: list[Manifest] = []
    rows = 0
    for manifest in manifests:
        records = sum(entry.records for entry in manifest.objects)
        if batch and rows + records > raw_reader.ROWS_AT_A_TIME:
            yield batch
            batch, rows = [], 0
        batch.append(manifest)
        rows += records
    if batch:
        yield batch
