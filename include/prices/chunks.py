"""One attempt of one chunk: extract, receipt, count, and a dead letter when no attempt is left."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Any

from include.clients.aws import Aws
from include.clients.circuit_breaker import CircuitBreaker
from include.clients.queues import Queue
from include.clients.rate_limit import RateLimit
from include.core.clock import iso_utc, utc_now
from include.core.settings import Settings
from include.prices import start
from include.prices.extract import Extractor, Source
from include.prices.plan import Chunk, Plan, read_plan
from include.prices.receipts import Outcome, read_receipt, write_receipt
from include.prices.tracker import BatchTracker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChunkResult:
    """What an attempt came to."""

    counts: dict[str, int]
    """Outcomes by status."""
    again: list[str]
    """Symbols that another attempt should ask for; empty on the last attempt."""


def run_chunk(
    ref: dict[str, Any],
    *,
    aws: Aws,
    settings: Settings,
    source: Source,
    owner: str,
    attempt: int,
    last_attempt: bool,
) -> ChunkResult:
    """Run one attempt of a chunk; the batch counts it when no further attempt follows.

    A chunk that was counted before asks again for the symbols that failed, whatever the failure.
    """
    raw = aws.object_store(settings.raw_bucket)
    plan = read_plan(raw, ref["plan_uri"])
    chunk = plan.chunks[ref["index"]]
    start.renew_run(plan, aws=aws, settings=settings, owner=owner)
    tracker = BatchTracker(aws.table(settings.batch_table), plan.batch_id)
    earlier = read_receipt(raw, plan.files, chunk.index)
    if tracker.has_counted(chunk.index):  # done before: a cleared task, or a run that follows a failed one
        earlier = [outcome for outcome in earlier if outcome.status != "failed"]
    extractor = make_extractor(plan, source, aws, settings)
    outcomes = extractor.extract_chunk(plan, chunk, earlier)
    receipt_key = write_receipt(raw, plan.files, chunk.index, outcomes)
    counts = dict(Counter(str(outcome.status) for outcome in outcomes))
    again = [outcome.symbol for outcome in outcomes if outcome.transient]
    if again and not last_attempt:
        return ChunkResult(counts, again)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        queue = Queue(aws.client("sqs"), settings.extract_dlq)
        queue.send(dead_letter(plan, chunk, failed, run_id=owner, attempts=attempt))
    tracker.record_chunk(chunk.index, receipt_key=receipt_key, failed=bool(failed))
    return ChunkResult(counts, [])


def make_extractor(plan: Plan, source: Source, aws: Aws, settings: Settings) -> Extractor:
    """Return the extractor of a plan; limit and breaker are shared with every worker through one table."""
    table = aws.table(settings.source_table)
    name = plan.request.data_source
    return Extractor(
        source=source,
        raw=aws.object_store(settings.raw_bucket),
        limit=RateLimit(table, name, plan.request.override_config.rate_limit_per_minute),
        breaker=CircuitBreaker(table, name),
    )


def dead_letter(
    plan: Plan, chunk: Chunk, failed: list[Outcome], *, run_id: str, attempts: int | None
) -> dict[str, Any]:
    """Return the dead letter of a chunk: what to fetch again and why it failed, `attempts` None if unknown.

    `id` is the same whenever the letter is sent again, so that a reader can drop a double.
    """
    return {
        "id": f"{plan.batch_id}:{chunk.index}",
        "type": "extract_chunk",
        "batch_id": plan.batch_id,
        "correlation_id": plan.correlation_id,
        "run_id": run_id,
        "ds": plan.ds.isoformat(),
        "start": plan.start.isoformat(),
        "end": plan.end.isoformat(),
        "interval": plan.request.interval,
        "data_source": plan.request.data_source,
        "symbols": [
            {"symbol": outcome.symbol, "error": outcome.error, "message": outcome.message}
            for outcome in failed
        ],
        "attempts": attempts,
        "failed_at": iso_utc(utc_now()),
    }
