"""The end of a batch's extract: chunks that died, manifests, and groups of days for the transforms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from include.core.contracts import Manifest
from include.core.settings import Settings
from include.prices import finalize, start, transform
from include.prices.config import PricesRequest
from include.prices.finalize import GROUP_DAYS, GROUP_OBJECTS, finalize_batch, group_days
from include.prices.manifest import DayManifest
from include.prices.plan import Plan, plan_run
from include.prices.receipts import Outcome, write_receipt
from include.prices.tracker import BatchTracker
from include.prices.universe import Universe

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
THURSDAY, FRIDAY = date(2013, 2, 28), date(2013, 3, 1)


@pytest.fixture
def plan(aws: Aws, settings: Settings) -> Plan:
    """An open batch of two chunks: AAPL and IBM, MSFT."""
    request = PricesRequest.model_validate({"start": "2013-02-28", "override_config": {"chunk_size": 2}})
    plan = plan_run(
        request, Universe(["AAPL", "IBM", "MSFT"], "payload"), session=FRIDAY, correlation_id="c",
        max_map_length=1024,
    )  # fmt: skip
    assert start.open_run(plan, request, aws=aws, settings=settings, owner="run") is None
    return plan


def written(symbol: str, ds: date = FRIDAY) -> Outcome:
    return Outcome(symbol, "written", ds=ds, key=f"{ds}/{symbol}.json", records=1)


def count(plan: Plan, aws: Aws, settings: Settings, index: int, *outcomes: Outcome) -> None:
    key = write_receipt(aws.object_store(settings.raw_bucket), plan.files, index, outcomes)
    tracker = BatchTracker(aws.table(settings.batch_table), plan.batch_id)
    tracker.record_chunk(index, receipt_key=key, failed=False)


def manifest(raw: ObjectStore, plan: Plan, ds: date = FRIDAY) -> Manifest:
    return Manifest.model_validate_json(raw.read(plan.request.raw_table.manifest_key(ds)))


@pytest.mark.integration
def test_the_transforms_are_told_the_days_that_have_objects(
    plan: Plan, aws: Aws, settings: Settings, raw: ObjectStore
) -> None:
    count(plan, aws, settings, 0, written("AAPL", THURSDAY), Outcome("IBM", "empty", error="NoBars"))
    count(plan, aws, settings, 1, written("MSFT", THURSDAY))
    (uri,) = finalize_batch(plan, aws=aws, settings=settings, owner="run", now=NOW)
    job = transform.read_job(raw, uri)
    assert [ref.ds for ref in job.manifest_keys] == [THURSDAY]
    assert manifest(raw, plan).objects == []
    assert BatchTracker(aws.table(settings.batch_table), plan.batch_id).read().status == "complete"


@pytest.mark.integration
def test_a_chunk_whose_task_died_is_counted_with_a_dead_letter(
    plan: Plan, aws: Aws, settings: Settings, raw: ObjectStore, dead_letters: Callable[[], list[Any]]
) -> None:
    write_receipt(raw, plan.files, 0, [written("AAPL")])  # of an attempt that was killed before it counted
    count(plan, aws, settings, 1, written("MSFT"))
    finalize_batch(plan, aws=aws, settings=settings, owner="run", now=NOW)
    day = manifest(raw, plan)
    assert [entry.symbol for entry in day.objects] == ["AAPL", "MSFT"]
    assert [(entry.symbol, entry.error) for entry in day.failed_symbols] == [("IBM", "TaskDied")]
    (letter,) = dead_letters()
    assert [(entry["symbol"], entry["error"]) for entry in letter["symbols"]] == [("IBM", "TaskDied")]
    batch = BatchTracker(aws.table(settings.batch_table), plan.batch_id).read()
    assert (batch.processed_chunks, batch.failed_chunks) == (1, 1)


@pytest.mark.integration
def test_a_dead_chunk_that_had_fetched_everything_is_no_failure(
    plan: Plan, aws: Aws, settings: Settings, raw: ObjectStore, dead_letters: Callable[[], list[Any]]
) -> None:
    write_receipt(raw, plan.files, 0, [written("AAPL"), written("IBM")])
    count(plan, aws, settings, 1, written("MSFT"))
    finalize_batch(plan, aws=aws, settings=settings, owner="run", now=NOW)
    assert manifest(raw, plan).failed_symbols == []
    assert dead_letters() == []


@pytest.mark.integration
def test_a_finalization_that_was_killed_is_done_by_the_next_attempt(
    plan: Plan, aws: Aws, settings: Settings, raw: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(plan, aws, settings, 0, written("AAPL"), written("IBM"))
    count(plan, aws, settings, 1, written("MSFT"))
    with monkeypatch.context() as patch:
        patch.setattr(finalize, "_write_transform", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            finalize_batch(plan, aws=aws, settings=settings, owner="run", now=NOW)
    before = manifest(raw, plan)
    uris = finalize_batch(plan, aws=aws, settings=settings, owner="run", now=NOW + timedelta(hours=1))
    assert len(uris) == 1
    assert manifest(raw, plan) == before


def days_of(*objects: int) -> list[DayManifest]:
    first = date(2000, 1, 1)
    return [DayManifest(first + timedelta(days=n), f"{n}", count) for n, count in enumerate(objects)]


@pytest.mark.parametrize(
    ("objects", "groups"),
    [
        ([], []),
        ([0, 0], []),
        ([1, 0, 1], [2]),
        ([GROUP_OBJECTS, 1], [1, 1]),
        ([GROUP_OBJECTS - 1, 1, 1], [2, 1]),
        ([GROUP_OBJECTS + 1, 1], [1, 1]),
        ([1] * (GROUP_DAYS + 1), [GROUP_DAYS, 1]),
    ],
    ids=["no day", "no objects", "a gap", "objects over", "objects just in", "a big day", "days over"],
)
def test_a_group_stays_within_its_bounds_and_no_day_is_lost(objects: list[int], groups: list[int]) -> None:
    days = days_of(*objects)
    found = list(group_days(days))
    assert [len(group) for group in found] == groups
    assert [day for group in found for day in group] == [day for day in days if day.objects]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
