"""Write the manifests of a batch: one a session day, the run's own day last (seed 000 §4).

A day's manifest is the union over all batches, so that a run for one new symbol does not make the others
disappear from the curated file. Two batches that meet on a day merge by conditional writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl  # noqa: TID253 - this module is imported inside tasks only
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from include.clients.object_store import THREADS, ObjectStore
from include.core.contracts import FailedSymbol, Manifest, ManifestObject
from include.core.errors import ObjectChanged, ObjectMissing
from include.prices.plan import Plan
from include.prices.receipts import LISTED


@dataclass(frozen=True)
class DayManifest:
    """A manifest as it stands after this batch."""

    ds: date
    key: str
    objects: int


@dataclass(frozen=True)
class _Day:
    ds: date
    objects: list[ManifestObject]
    failed: list[FailedSymbol]
    rewritten: bool
    """An object of the day is new or was overwritten."""


def write_manifests(
    raw: ObjectStore, plan: Plan, outcomes: pl.DataFrame, *, environment: str, now: datetime
) -> list[DayManifest]:
    """Write a manifest for each day with an object or a fault, and for the run's own day; return them by day."""
    days = list(_days(plan, outcomes))

    def write(day: _Day) -> DayManifest:
        return _write_day(raw, plan, day, environment=environment, now=now)

    with ThreadPoolExecutor(THREADS, thread_name_prefix="manifest") as pool:
        written = list(pool.map(write, days[:-1]))
    return sorted([*written, write(days[-1])], key=lambda manifest: manifest.ds)


def failed_symbols(outcomes: pl.DataFrame) -> list[FailedSymbol]:
    """Return the symbols that failed as a whole, sorted by symbol."""
    return _without_bars(outcomes, "failed")


def _without_bars(outcomes: pl.DataFrame, *statuses: str) -> list[FailedSymbol]:
    rows = outcomes.filter(pl.col("status").is_in(statuses)).sort("symbol").iter_rows(named=True)
    return [_failed(row) for row in rows]


def _days(plan: Plan, outcomes: pl.DataFrame) -> Iterator[_Day]:
    """Yield what this batch knows of each day; the run's own day comes last."""
    whole = _without_bars(outcomes, "failed", "empty")
    own: pl.DataFrame = outcomes.clear()
    rows = outcomes.filter(pl.col("ds").is_not_null()).sort("ds", "symbol")
    for (ds,), day in rows.group_by("ds", maintain_order=True):
        if ds == plan.ds:
            own = day
        else:
            yield _day(ds, day, whole)  # type: ignore[arg-type]
    yield _day(plan.ds, own, whole)


def _day(ds: date, rows: pl.DataFrame, whole: list[FailedSymbol]) -> _Day:
    objects, failed = [], list(whole)
    for row in rows.iter_rows(named=True):
        if row["status"] in LISTED:
            objects.append(ManifestObject(symbol=row["symbol"], key=row["key"], records=row["records"]))
        else:
            failed.append(_failed(row))
    rewritten = rows.select((pl.col("status") == "written").any()).item() if rows.height else False
    return _Day(ds, objects, sorted(failed, key=lambda f: (f.symbol, f.error)), rewritten)


def _failed(row: dict[str, object]) -> FailedSymbol:
    return FailedSymbol(symbol=str(row["symbol"]), error=str(row["error"]), message=str(row["message"] or ""))


def _write_day(raw: ObjectStore, plan: Plan, day: _Day, *, environment: str, now: datetime) -> DayManifest:
    key = plan.request.raw_table.manifest_key(day.ds)
    for attempt in Retrying(
        stop=stop_after_attempt(20),
        wait=wait_random(0.01, 0.2),
        retry=retry_if_exception_type(ObjectChanged),
        reraise=True,
    ):
        with attempt:
            before, etag = _read(raw, key)
            merged = merge(before, day, plan, environment=environment, now=now)
            if merged != before:
                raw.replace(key, merged.model_dump_json(indent=1).encode(), etag=etag)
    return DayManifest(ds=day.ds, key=key, objects=len(merged.objects))


def _read(raw: ObjectStore, key: str) -> tuple[Manifest | None, str | None]:
    try:
        data, info = raw.read_with_info(key)
    except ObjectMissing:
        return None, None
    return Manifest.model_validate_json(data), info.etag


def merge(before: Manifest | None, day: _Day, plan: Plan, *, environment: str, now: datetime) -> Manifest:
    """Return the day's manifest after this batch; equal to `before` where the batch brings nothing new.

    An object of an earlier batch stays listed, the newer one of a symbol wins (its format may differ); a
    symbol is listed as failed only by what the last batch that asked for it says.
    """
    asked = set(plan.symbols)
    objects = {entry.symbol: entry for entry in before.objects} if before else {}
    objects |= {entry.symbol: entry for entry in day.objects}
    failed = [entry for entry in before.failed_symbols if entry.symbol not in asked] if before else []
    listed = [objects[symbol] for symbol in sorted(objects)]
    faults = sorted([*failed, *day.failed], key=lambda entry: (entry.symbol, entry.error))
    same_batch = before is not None and before.batch_id == plan.batch_id
    if (
        before is not None
        and listed == before.objects
        and faults == before.failed_symbols
        and (same_batch or not day.rewritten)
    ):
        return before
    table = plan.request.raw_table
    return Manifest(
        environment=environment,
        domain=table.domain,
        table_name=table.table_name,
        data_source=table.data_source,
        interval=table.interval,
        ds=day.ds,
        generated_at=now,
        batch_id=plan.batch_id,
        revision=before.revision + 1 if before else 1,
        objects=listed,
        failed_symbols=faults,
    )
