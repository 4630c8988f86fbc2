"""The transform: the RAW objects that manifests name become one curated Parquet file a session day."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from include.clients.catalog import Catalog
from include.clients.object_store import THREADS, ObjectStore
from include.core import sessions as calendar
from include.core.clock import iso_utc
from include.core.contracts import CuratedFile, TransformInput
from include.core.errors import InvalidRequest, ManifestOutdated, ObjectChanged
from include.core.keys import CuratedTable, RawTable
from include.prices import curated_files, quality_report
from include.prices.catalog_update import update_catalog
from include.prices.config import CALENDAR
from include.prices.curated_files import NewerFileExists
from include.prices.day_builder import BuiltDays, DayBuilder

LOOKBACK = timedelta(days=21)
"""Farther back than two sessions ever were (NYSE closed for six days in September 2001)."""
ATTEMPTS = 3
Sessions = Callable[[date, date], Sequence[date]]


@dataclass(frozen=True)
class CurateResult:
    """What a transform did."""

    days: int
    rows: int
    """Valid rows, in all files."""
    quarantined: int
    missing: int
    files: list[CuratedFile] = field(repr=False)
    """One a day with rows, by day; also files that stood there already with the same bytes."""
    metrics: dict[str, object] = field(repr=False)
    """The quality record."""


def nyse_sessions(first: date, last: date) -> Sequence[date]:
    """Return the sessions of the exchange that prices are of."""
    return calendar.sessions_between(CALENDAR, first, last)


def curate_group(
    raw: ObjectStore,
    curated: ObjectStore,
    job: TransformInput,
    *,
    batch_id: str,
    max_invalid_ratio: float,
    now: datetime,
    catalog: Catalog | None = None,
    sessions: Sessions = nyse_sessions,
) -> CurateResult:
    """Curate a job's days and return what was written; the same RAW gives the same bytes.

    `now` (UTC) bounds the bars' times; `sessions(first, last)` lists the exchange's session days, both
    included. Raises `QualityBelowThreshold` before anything is published, `ManifestMissing`,
    `ManifestOutdated`; a bad RAW object is quarantined, it raises nothing by itself.
    """
    builder = _builder(raw, job, now, sessions)
    target = builder.table.curated
    newer: dict[date, int] = {}
    for _ in range(ATTEMPTS):
        built = builder.build_days(job.manifest_keys)
        _refuse_outdated(built, newer, curated, target)
        record = _report(curated, target, built, batch_id, max_invalid_ratio, now)
        published, newer = _publish(curated, target, built)
        if not newer:
            break
    else:
        raise ObjectChanged(f"The manifests of {_span(job)} changed {ATTEMPTS} times meanwhile.")
    if catalog is not None:
        update_catalog(curated, catalog, target, job.catalog_update, list(published), now=now)
    files = list(published.values())
    return CurateResult(
        days=len(job.manifest_keys),
        rows=sum(file.rows for file in files),
        quarantined=built.tally.invalid,
        missing=len(built.tally.missing),
        files=files,
        metrics=record,
    )


def _builder(raw: ObjectStore, job: TransformInput, now: datetime, sessions: Sessions) -> DayBuilder:
    if not job.manifest_keys:
        raise InvalidRequest(["manifest_keys: names no manifest, so there is nothing to transform"])
    days = [ref.ds for ref in job.manifest_keys]
    table = RawTable(job.domain, job.table_name, job.interval, job.data_source)
    return DayBuilder(raw, table, now, list(sessions(min(days) - LOOKBACK, max(days))))


def _refuse_outdated(
    built: BuiltDays, newer: dict[date, int], curated: ObjectStore, target: CuratedTable
) -> None:
    """Raise `ManifestOutdated` where a manifest, read again, is still older than the curated file."""
    for ds, theirs in newer.items():
        mine = built.manifests[ds].revision
        if mine < theirs:
            raise ManifestOutdated(
                f"{curated.uri(target.part_key(ds))} was made from revision {theirs} of the manifest of {ds}, "
                f"but the manifest says revision {mine}: RAW was set back. Nothing of {ds} was replaced. If "
                "RAW is right as it is, delete the curated file and run the transform again."
            )


def _report(
    curated: ObjectStore,
    target: CuratedTable,
    built: BuiltDays,
    batch_id: str,
    threshold: float,
    now: datetime,
) -> dict[str, object]:
    """Write quarantine and quality record under the group's last day; raise `QualityBelowThreshold` after."""
    tally, last = built.tally, max(built.manifests)
    rejected = tally.quarantine()
    quarantine_key = target.quarantine_key(last, batch_id) if rejected.height else None
    if quarantine_key:
        curated.write(quarantine_key, quality_report.to_parquet(rejected))
    age = round((now - tally.newest).total_seconds()) if tally.newest else None
    record = {
        "batch_id": batch_id,
        "domain": target.domain,
        "table_name": target.table_name,
        "generated_at": iso_utc(now),
        "first_ds": f"{min(built.manifests)}",
        "last_ds": f"{last}",
        "passed": tally.ratio <= threshold,
        "invalid_ratio": round(tally.ratio, 6),
        "max_invalid_ratio": threshold,
        "freshness_seconds": age,
        "quarantine_key": quarantine_key,
        **tally.record(),
    }
    record_key = target.quality_key(last, batch_id)
    curated.write(record_key, json.dumps(record, indent=1).encode())
    quality_report.refuse_bad_group(
        tally,
        threshold=threshold,
        quarantine=curated.uri(quarantine_key) if quarantine_key else "no quarantine (nothing to keep)",
        record=curated.uri(record_key),
    )
    return record


def _publish(
    curated: ObjectStore, target: CuratedTable, built: BuiltDays
) -> tuple[dict[date, CuratedFile], dict[date, int]]:
    """Write the days' files; return `{ds: file}`, ascending, and `{ds: revision}` of days somebody made newer."""

    def publish(ds: date) -> CuratedFile | NewerFileExists | None:
        try:
            return _publish_day(curated, target.part_key(ds), built, ds)
        except NewerFileExists as newer:
            return newer

    days = sorted(built.manifests)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="curated") as pool:
        done = list(zip(days, pool.map(publish, days), strict=True))
    newer = {ds: file.theirs for ds, file in done if isinstance(file, NewerFileExists)}
    return {ds: file for ds, file in done if isinstance(file, CuratedFile)}, newer


def _publish_day(curated: ObjectStore, key: str, built: BuiltDays, ds: date) -> CuratedFile | None:
    """Write one day's file; a day without valid rows only replaces a file that says otherwise."""
    revision = built.manifests[ds].revision
    data, rows = built.files.get(ds) or (b"", 0)
    if not rows:
        if curated.head(key) is None:
            return None
        data = curated_files.empty_day(revision)
    info = curated_files.publish_file(curated, key, data, revision)
    return CuratedFile(key=key, etag=info.etag, size=info.size, rows=rows)


def _span(job: TransformInput) -> str:
    days = sorted(ref.ds for ref in job.manifest_keys)
    return f"{days[0]} to {days[-1]}"
