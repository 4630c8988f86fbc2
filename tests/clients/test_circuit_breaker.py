"""The shared circuit breaker, against a real DynamoDB API."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from include.clients.aws import Aws
from include.clients.circuit_breaker import CircuitBreaker
from include.core.errors import CircuitOpen, ServiceUnavailable

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
REPOSITORY = Path(__file__).parents[2]
DIES_IN_TRIAL = """
import os, signal, sys
from datetime import datetime
from include.clients.aws import Aws
from include.clients.circuit_breaker import CircuitBreaker

endpoint, table, now = sys.argv[1:]
aws = Aws("us-east-1", endpoint, "test", "test")
CircuitBreaker(aws.table(table), "yahoo", clock=lambda: datetime.fromisoformat(now)).before_call()
os.kill(os.getpid(), signal.SIGKILL)
"""


class Clock:
    """A clock that stands still unless told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(make_table: Any) -> Any:
    return make_table("id")


def breaker(table: Any, clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(table, "yahoo", clock=clock)


def fail(one: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        one.before_call()
        one.failed()


def is_open(one: CircuitBreaker) -> bool:
    try:
        one.before_call()
    except CircuitOpen:
        return True
    return False


@pytest.mark.integration
def test_five_failures_in_a_row_open_it_for_an_hour_for_everybody(table: Any, clock: Clock) -> None:
    fail(breaker(table, clock), 4)
    assert not is_open(breaker(table, clock))
    fail(breaker(table, clock), 1)
    with pytest.raises(CircuitOpen, match="2026-01-05 01:00:00 UTC") as caught:
        breaker(table, clock).before_call()
    assert caught.value.retry_at == START + timedelta(hours=1)


@pytest.mark.integration
def test_a_success_ends_the_row(table: Any, clock: Clock) -> None:
    one = breaker(table, clock)
    fail(one, 4)
    one.before_call()
    one.succeeded()
    fail(one, 4)
    assert not is_open(one)


@pytest.mark.integration
def test_failures_of_several_workers_count_together(table: Any, clock: Clock) -> None:
    one, other = breaker(table, clock), breaker(table, clock)
    fail(one, 3)
    fail(other, 2)
    clock.pass_by(seconds=2)
    assert is_open(one)
    assert is_open(other)


@pytest.mark.integration
def test_after_the_hour_one_trial_is_allowed_and_its_success_closes(table: Any, clock: Clock) -> None:
    one, other = breaker(table, clock), breaker(table, clock)
    fail(one, 5)
    clock.pass_by(hours=1)
    one.before_call()
    assert is_open(other)
    one.succeeded()
    assert not is_open(other)
    fail(other, 4)
    assert not is_open(one)


@pytest.mark.integration
def test_a_failed_trial_opens_it_for_another_hour(table: Any, clock: Clock) -> None:
    one = breaker(table, clock)
    fail(one, 5)
    clock.pass_by(hours=1)
    fail(one, 1)
    clock.pass_by(minutes=59)
    assert is_open(one)
    clock.pass_by(minutes=1)
    assert not is_open(one)


@pytest.mark.integration
def test_a_trial_whose_process_was_killed_is_taken_over_after_two_minutes(
    table: Any, clock: Clock, aws: Aws
) -> None:
    one = breaker(table, clock)
    fail(one, 5)
    clock.pass_by(hours=1)
    child = [sys.executable, "-c", DIES_IN_TRIAL, str(aws.endpoint_url), table.name, clock.now.isoformat()]
    assert subprocess.run(child, cwd=REPOSITORY, check=False, timeout=60).returncode == -9
    clock.pass_by(seconds=119)
    assert is_open(one)
    clock.pass_by(seconds=1)
    one.before_call()
    assert is_open(breaker(table, clock))
    one.succeeded()
    assert not is_open(breaker(table, clock))


@pytest.mark.integration
def test_of_many_workers_exactly_one_gets_the_trial(table: Any, clock: Clock) -> None:
    fail(breaker(table, clock), 5)
    clock.pass_by(hours=1)
    workers = [breaker(table, clock) for _ in range(16)]
    together = threading.Barrier(16)

    def try_call(one: CircuitBreaker) -> bool:
        together.wait(30)
        return not is_open(one)

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(try_call, workers)) == 1


@pytest.mark.integration
def test_failures_at_the_same_time_are_all_counted(table: Any, clock: Clock) -> None:
    workers = [breaker(table, clock) for _ in range(5)]
    for one in workers:
        one.before_call()
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda one: one.failed(), workers))
    assert is_open(breaker(table, clock))


@pytest.mark.integration
def test_a_success_of_a_call_begun_before_does_not_close_it(table: Any, clock: Clock) -> None:
    late = breaker(table, clock)
    late.before_call()
    fail(breaker(table, clock), 5)
    late.succeeded()
    assert is_open(breaker(table, clock))


@pytest.mark.integration
def test_a_steady_success_costs_one_read_a_second(table: Any, clock: Clock) -> None:
    one, calls = breaker(table, clock), []
    one._item._client.meta.events.register(
        "before-call.dynamodb.*", lambda model, **_: calls.append(model.name)
    )
    for _ in range(100):
        one.before_call()
        one.succeeded()
    assert calls == ["GetItem"]
    clock.pass_by(seconds=1)
    one.before_call()
    assert calls == ["GetItem", "GetItem"]


@pytest.mark.integration
def test_a_table_that_does_not_answer_is_a_transient_error(clock: Clock) -> None:
    session = Aws("us-east-1", None, "test", "test").session
    at_once = Config(retries={"total_max_attempts": 1})
    tables = session.resource("dynamodb", endpoint_url="http://127.0.0.1:9", config=at_once)
    with pytest.raises(ServiceUnavailable, match="breaker#yahoo"):
        breaker(tables.Table("sources"), clock).before_call()
