"""A chunk counts once, one task finalizes, and who was killed half-way is followed by the next attempt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from include.prices.tracker import BatchBusy, BatchTracker

pytestmark = pytest.mark.integration


@pytest.fixture
def tracker(make_table: Any) -> BatchTracker:
    return BatchTracker(make_table("batch_id", "item"), "market:prices:2013-03-01:x")


def counts(tracker: BatchTracker) -> tuple[int, int]:
    batch = tracker.read()
    return batch.processed_chunks, batch.failed_chunks


def test_a_chunk_that_runs_twice_counts_once(tracker: BatchTracker) -> None:
    tracker.open(batch_ds=date(2013, 3, 1), expected_chunks=2)
    for _ in range(3):
        tracker.record_chunk(0, receipt_key="r0", failed=False)
    assert counts(tracker) == (1, 0)


def test_chunks_counted_at_once_and_twice_each_count_once(tracker: BatchTracker) -> None:
    tracker.open(batch_ds=date(2013, 3, 1), expected_chunks=12)

    @retry(retry=retry_if_exception_type(BatchBusy), wait=wait_random(0, 0.1), stop=stop_after_attempt(50))
    def record(index: int) -> None:
        tracker.record_chunk(index % 12, receipt_key=f"r{index % 12}", failed=False)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(record, range(24)))
    assert counts(tracker) == (12, 0)
    assert tracker.chunk_receipts() == {index: f"r{index}" for index in range(12)}


def test_a_failed_chunk_that_is_cleared_and_succeeds_moves_over(tracker: BatchTracker) -> None:
    tracker.open(batch_ds=date(2013, 3, 1), expected_chunks=1)
    tracker.record_chunk(0, receipt_key="r0", failed=True)
    assert counts(tracker) == (0, 1)
    tracker.record_chunk(0, receipt_key="r0", failed=False)
    tracker.record_chunk(0, receipt_key="r0", failed=True)
    assert counts(tracker) == (1, 0)


def test_opening_again_keeps_the_counts(tracker: BatchTracker) -> None:
    tracker.open(batch_ds=date(2013, 3, 1), expected_chunks=1)
    tracker.record_chunk(0, receipt_key="r0", failed=False)
    tracker.open(batch_ds=date(2013, 3, 1), expected_chunks=1)
    assert counts(tracker) == (1, 0)


def test_nobody_finalizes_before_every_chunk_is_counted(tracker: BatchTracker) -> None:
    tracker.open(batch_ds=date(2013, 3, 1), expected_chunks=2)
    tracker.record_chunk(0, receipt_key="r0", failed=False)
    with pytest.raises(BatchBusy, match="processed_chunks=1"):
        tracker.begin_finalizing(owner="run")
    tracker.record_chunk(1, receipt_key="r1", failed=True)
    tracker.begin_finalizing(owner="run")
    assert tracker.read().status == "finalizing"


def test_only_one_owner_finalizes_and_its_next_attempt_may_go_on(tracker: BatchTracker) -> None:
    tracker.open(batch_ds=date(2013, 3, 1), expected_chunks=1)
    tracker.record_chunk(0, receipt_key="r0", failed=False)

    def try_to(owner: str) -> str | None:
        try:
            tracker.begin_finalizing(owner=owner)
        except BatchBusy:
            return None
        return owner

    with ThreadPoolExecutor(8) as pool:
        winners = [owner for owner in pool.map(try_to, [f"run-{n}" for n in range(8)]) if owner]
    assert len(winners) == 1
    # killed here, before `complete`: the same run's next attempt takes over, another run does not
    tracker.begin_finalizing(owner=winners[0])
    with pytest.raises(BatchBusy):
        tracker.begin_finalizing(owner="another")
    tracker.complete()
    assert tracker.read().status == "complete"
