"""One attempt of a chunk: when it counts, what is asked again, what goes to the dead letters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from devstack.replay.app import Replay
from devstack.replay.faults import Faults
from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from include.clients.yahoo import YahooClient
from include.core.settings import Settings
from include.prices import start
from include.prices.chunks import ChunkResult, run_chunk
from include.prices.config import PricesRequest
from include.prices.plan import Plan, plan_run
from include.prices.receipts import read_receipt
from include.prices.tracker import BatchTracker
from include.prices.universe import Universe

pytestmark = pytest.mark.integration
Attempt = Callable[..., ChunkResult]


@pytest.fixture
def plan(aws: Aws, settings: Settings) -> Plan:
    """An open batch of one chunk: AAPL and IBM of one day."""
    request = PricesRequest.model_validate(
        {"start": "2013-03-01", "override_config": {"rate_limit_per_minute": 100_000}}
    )
    plan = plan_run(
        request, Universe(["AAPL", "IBM"], "payload"), session=date(2013, 3, 1), correlation_id="c",
        max_map_length=1024,
    )  # fmt: skip
    assert start.open_run(plan, request, aws=aws, settings=settings, owner="run") is None
    return plan


@pytest.fixture
def attempt(plan: Plan, aws: Aws, settings: Settings, raw: ObjectStore, replay_url: str) -> Attempt:
    (ref,) = start.chunk_refs(plan, raw)

    def run(number: int, *, last: bool = False) -> ChunkResult:
        return run_chunk(
            ref, aws=aws, settings=settings, source=YahooClient(replay_url), owner="run", attempt=number,
            last_attempt=last,
        )  # fmt: skip

    return run


def counted(plan: Plan, aws: Aws, settings: Settings) -> tuple[int, int]:
    batch = BatchTracker(aws.table(settings.batch_table), plan.batch_id).read()
    return batch.processed_chunks, batch.failed_chunks


def test_a_chunk_without_failures_counts_at_once(
    attempt: Attempt, plan: Plan, aws: Aws, settings: Settings, dead_letters: Callable[[], list[Any]]
) -> None:
    assert attempt(1) == ChunkResult({"written": 2}, [])
    assert counted(plan, aws, settings) == (1, 0)
    assert dead_letters() == []


def test_a_chunk_that_may_still_succeed_does_not_count(
    attempt: Attempt, plan: Plan, aws: Aws, settings: Settings, replay: Replay,
    dead_letters: Callable[[], list[Any]],
) -> None:  # fmt: skip
    replay.faults = Faults(["symbol:IBM=500*3"])
    assert attempt(1).again == ["IBM"]
    assert counted(plan, aws, settings) == (0, 0)
    assert attempt(2) == ChunkResult({"written": 2}, [])
    assert counted(plan, aws, settings) == (1, 0)
    assert replay.symbols["AAPL"] == 1
    assert dead_letters() == []


def test_the_last_attempt_counts_as_failed_and_sends_what_failed(
    attempt: Attempt, plan: Plan, aws: Aws, settings: Settings, replay: Replay,
    dead_letters: Callable[[], list[Any]],
) -> None:  # fmt: skip
    replay.faults = Faults(["symbol:IBM=429"])
    assert attempt(5, last=True).again == []
    assert counted(plan, aws, settings) == (0, 1)
    (letter,) = dead_letters()
    assert (letter["id"], letter["batch_id"], letter["attempts"]) == (f"{plan.batch_id}:0", plan.batch_id, 5)
    assert (letter["ds"], letter["start"], letter["end"]) == ("2013-03-01", "2013-03-01", "2013-03-01")
    assert [(entry["symbol"], entry["error"]) for entry in letter["symbols"]] == [("IBM", "RateLimited")]


def test_a_terminal_failure_is_not_tried_again(
    attempt: Attempt, plan: Plan, aws: Aws, settings: Settings, replay: Replay,
    dead_letters: Callable[[], list[Any]],
) -> None:  # fmt: skip
    replay.faults = Faults(["symbol:IBM=delisted"])
    assert attempt(1) == ChunkResult({"written": 1, "failed": 1}, [])
    assert counted(plan, aws, settings) == (0, 1)
    assert [entry["symbol"] for entry in dead_letters()[0]["symbols"]] == ["IBM"]


def test_clearing_a_counted_chunk_asks_for_its_failures_again(
    attempt: Attempt, plan: Plan, aws: Aws, settings: Settings, raw: ObjectStore, replay: Replay
) -> None:
    replay.faults = Faults(["symbol:IBM=delisted*1"])
    attempt(1)
    assert attempt(2) == ChunkResult({"written": 2}, [])
    assert counted(plan, aws, settings) == (1, 0)
    assert replay.symbols == {"AAPL": 1, "IBM": 2}
    assert {outcome.status for outcome in read_receipt(raw, plan.files, 0)} == {"written"}


def test_a_chunk_that_runs_twice_counts_once(
    attempt: Attempt, plan: Plan, aws: Aws, settings: Settings, replay: Replay
) -> None:
    attempt(1)
    attempt(1)
    assert counted(plan, aws, settings) == (1, 0)
    assert replay.symbols == {"AAPL": 1, "IBM": 1}
