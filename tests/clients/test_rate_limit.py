"""The shared rate limit, against a real DynamoDB API."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from include.clients.aws import Aws
from include.clients.rate_limit import RateLimit
from include.core.errors import InvalidSettings, ServiceUnavailable

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
REPOSITORY = Path(__file__).parents[2]
CHILD = """
import json, sys
from datetime import datetime, timezone
from include.clients.aws import Aws
from include.clients.rate_limit import RateLimit

endpoint, table, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
aws = Aws("us-east-1", endpoint, "test", "test")
clock = lambda: datetime(2026, 1, 5, tzinfo=timezone.utc)
limit = RateLimit(aws.table(table), "yahoo", 600, clock=clock)
print(json.dumps([limit.reserve() for _ in range(count)]))
"""


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(make_table: Any) -> Any:
    return make_table("id")


def limit(table: Any, clock: Clock, per_minute: float = 60, source: str = "yahoo") -> RateLimit:
    return RateLimit(table, source, per_minute, clock=clock, sleep=clock.sleep)


@pytest.mark.integration
def test_slots_are_spaced_and_the_first_is_free(table: Any, clock: Clock) -> None:
    one = limit(table, clock)
    assert [one.reserve() for _ in range(4)] == [0, 1, 2, 3]


@pytest.mark.integration
def test_no_sixty_seconds_hold_more_than_the_limit(table: Any, clock: Clock) -> None:
    one, taken = limit(table, clock, per_minute=7), []
    for _ in range(25):
        one.acquire()
        taken.append(clock.now)
    for first in taken:
        assert sum(first <= instant < first + timedelta(seconds=60) for instant in taken) <= 7


@pytest.mark.integration
def test_idle_time_is_not_saved_up_for_a_burst(table: Any, clock: Clock) -> None:
    one = limit(table, clock)
    one.acquire()
    clock.sleep(3600)
    assert [one.reserve() for _ in range(3)] == [0, 1, 2]


@pytest.mark.integration
def test_several_slots_can_be_reserved_at_once(table: Any, clock: Clock) -> None:
    one = limit(table, clock)
    assert [one.reserve(5), one.reserve()] == [0, 5]


@pytest.mark.integration
def test_runs_with_different_limits_share_one_queue(table: Any, clock: Clock) -> None:
    slow, fast = limit(table, clock, 60), limit(table, clock, 600)
    waits = [slow.reserve(), fast.reserve(), fast.reserve(), slow.reserve()]
    assert waits == pytest.approx([0, 1, 1.1, 1.2])


@pytest.mark.integration
def test_sources_do_not_slow_each_other(table: Any, clock: Clock) -> None:
    limit(table, clock, source="yahoo").reserve(100)
    assert limit(table, clock, source="fmp").reserve() == 0


@pytest.mark.integration
def test_a_429_halves_the_rate_for_everybody(table: Any, clock: Clock) -> None:
    one, other = limit(table, clock), limit(table, clock)
    other.reserve()
    one.slow_down()
    assert [other.reserve(), other.reserve(), one.reserve()] == pytest.approx([1, 3, 5])


@pytest.mark.integration
def test_429s_of_requests_sent_together_count_once(table: Any, clock: Clock) -> None:
    one = limit(table, clock)
    for _ in range(8):
        one.slow_down()
    one.reserve()
    assert one.reserve() == pytest.approx(2)


@pytest.mark.integration
def test_the_rate_never_falls_below_a_sixteenth(table: Any, clock: Clock) -> None:
    one = limit(table, clock)
    for _ in range(10):
        one.slow_down()
        clock.sleep(1.5)
    one.slow_down()
    one.reserve()
    assert one.reserve() == pytest.approx(16)


@pytest.mark.integration
def test_the_rate_recovers_by_a_sixteenth_a_minute(table: Any, clock: Clock) -> None:
    one = limit(table, clock)
    one.slow_down()
    clock.sleep(4 * 60)
    one.reserve()
    assert one.reserve() == pytest.approx(1 / 0.75, abs=1e-5)
    clock.sleep(8 * 60)
    one.reserve()
    assert one.reserve() == pytest.approx(1)


@pytest.mark.integration
def test_processes_never_get_the_same_slot(table: Any, aws: Aws) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(aws.endpoint_url), table.name, "40"],
            stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
        )
        for _ in range(3)
    ]  # fmt: skip
    waits = sorted(wait for child in children for wait in json.loads(child.communicate(timeout=120)[0]))
    assert len(waits) == 120
    assert all(later - earlier == pytest.approx(0.1) for earlier, later in pairwise(waits))


@pytest.mark.integration
def test_threads_of_one_limit_never_get_the_same_slot(table: Any, clock: Clock) -> None:
    one = RateLimit(table, "yahoo", 600, clock=clock)
    with ThreadPoolExecutor(8) as pool:
        waits = sorted(pool.map(lambda _: one.reserve(), range(80)))
    assert waits == pytest.approx([n / 10 for n in range(80)])


@pytest.mark.integration
def test_a_slowed_rate_is_seen_by_threads_that_contend(table: Any, clock: Clock) -> None:
    one = RateLimit(table, "yahoo", 600, clock=clock)
    one.reserve()
    limit(table, clock, 600).slow_down()
    with ThreadPoolExecutor(8) as pool:
        waits = sorted(pool.map(lambda _: one.reserve(), range(40)))
    assert waits == pytest.approx([0.1 + n / 5 for n in range(40)])


@pytest.mark.integration
def test_a_table_that_does_not_answer_is_a_transient_error(clock: Clock) -> None:
    session = Aws("us-east-1", None, "test", "test").session
    at_once = Config(retries={"total_max_attempts": 1})
    tables = session.resource("dynamodb", endpoint_url="http://127.0.0.1:9", config=at_once)
    with pytest.raises(ServiceUnavailable, match="rate#yahoo"):
        limit(tables.Table("sources"), clock).reserve()


@pytest.mark.parametrize("per_minute", [0, -5, float("nan")])
def test_a_limit_of_nothing_is_refused(per_minute: float) -> None:
    with pytest.raises(InvalidSettings, match="above 0"):
        RateLimit(Aws("us-east-1", None, "test", "test").table("t"), "yahoo", per_minute)
