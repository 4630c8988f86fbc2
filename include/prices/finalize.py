"""The end of a batch's extract: count chunks that died, write the manifests, hand over to the transforms."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

import polars as pl  # noqa: TID253 - this module is imported inside tasks only

from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from include.clients.queues import Queue
from include.core.contracts import ManifestRef, TransformInput
from include.core.settings import Settings
from include.prices import start
from include.prices.chunks import dead_letter
from include.prices.manifest import DayManifest, write_manifests
from include.prices.plan import Plan
from include.prices.receipts import Outcome, read_receipt, read_receipts, write_receipt
from include.prices.tracker import BatchTracker

log = logging.getLogger(__name__)
GROUP_OBJECTS = 4000
GROUP_DAYS = 250
"""A transform reads so many objects and days at most: some seconds of work and some 50 MB of memory."""


def finalize_batch(plan: Plan, *, aws: Aws, settings: Settings, owner: str, now: datetime) -> list[str]:
    """Write the batch's manifests and the transforms' inputs; return the inputs' URIs."""
    raw = aws.object_store(settings.raw_bucket)
    tracker = BatchTracker(aws.table(settings.batch_table), plan.batch_id)
    start.renew_run(plan, aws=aws, settings=settings, owner=owner)
    _count_dead_chunks(plan, tracker, raw, aws=aws, settings=settings, owner=owner)
    tracker.begin_finalizing(owner=owner)
    outcomes = batch_outcomes(plan, aws, settings)
    manifests = write_manifests(raw, plan, outcomes, environment=settings.environment, now=now)
    uris = [
        _write_transform(raw, plan, settings, index, group)
        for index, group in enumerate(group_days(manifests))
    ]
    tracker.complete()
    log.info("%s: %s manifests, %s transforms", plan.batch_id, len(manifests), len(uris))
    return uris


def batch_outcomes(plan: Plan, aws: Aws, settings: Settings) -> pl.DataFrame:
    """Return the outcomes of all chunks of a batch."""
    tracker = BatchTracker(aws.table(settings.batch_table), plan.batch_id)
    return read_receipts(aws.object_store(settings.raw_bucket), tracker.chunk_receipts().values())


def group_days(manifests: list[DayManifest]) -> Iterator[list[DayManifest]]:
    """Yield runs of consecutive days that have objects, each small enough for one transform."""
    group: list[DayManifest] = []
    objects = 0
    for manifest in manifests:
        if not manifest.objects:
            continue
        if group and (objects + manifest.objects > GROUP_OBJECTS or len(group) == GROUP_DAYS):
            yield group
            group, objects = [], 0
        group.append(manifest)
        objects += manifest.objects
    if group:
        yield group


def _count_dead_chunks(
    plan: Plan, tracker: BatchTracker, raw: ObjectStore, *, aws: Aws, settings: Settings, owner: str
) -> None:
    """Count the chunks whose task died on its last attempt: symbols without an outcome are failed.

    `transient`, so that clearing the chunk's task asks for them again.
    """
    counted = tracker.chunk_receipts()
    for chunk in plan.chunks:
        if chunk.index in counted:
            continue
        outcomes = read_receipt(raw, plan.files, chunk.index)
        known = {outcome.symbol for outcome in outcomes}
        outcomes += [
            Outcome(symbol, "failed", error="TaskDied", message="its task left no outcome", transient=True)
            for symbol in chunk.symbols
            if symbol not in known
        ]
        key = write_receipt(raw, plan.files, chunk.index, outcomes)
        failed = [outcome for outcome in outcomes if outcome.status == "failed"]
        if failed:
            letter = dead_letter(plan, chunk, failed, run_id=owner, attempts=None)
            Queue(aws.client("sqs"), settings.extract_dlq).send(letter)
        tracker.record_chunk(chunk.index, receipt_key=key, failed=bool(failed))


def _write_transform(
    raw: ObjectStore, plan: Plan, settings: Settings, index: int, group: list[DayManifest]
) -> str:
    request = plan.request
    job = TransformInput(
        manifest_keys=[ManifestRef(ds=day.ds, manifest_key=day.key) for day in group],
        domain=request.domain,
        table_name=request.table_name,
        file_type=request.file_format,
        interval=request.interval,
        data_source=request.data_source,
        raw_bucket=settings.raw_bucket,
        catalog_update=request.override_config.catalog_update,
    )
    key = plan.files.transform_key(index)
    raw.write(key, job.model_dump_json(indent=1).encode())
    return raw.uri(key)
