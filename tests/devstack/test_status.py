"""What `tapeline status` knows of queues and alarms, and how it says so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from devstack.status import AlarmStatus, QueueStatus, Status, alarms_on, as_json, as_tables, queue_states
from devstack.supervisor import ServiceStatus
from include.clients.queues import Queue
from include.core.queues import load_queues, queue_pairs

SERVICE = ServiceStatus("aws", "running", "http://127.0.0.1:1", 1, "/data", "/log")


def printed(status: Status) -> list[str]:
    console = Console(width=200, highlight=False)
    with console.capture() as capture:
        console.print(as_tables(status))
    return [" ".join(line.split()) for line in capture.get().splitlines()]


def test_a_queue_is_one_line_with_its_letters_and_ages() -> None:
    queue = QueueStatus("load_market", "q", "d", 12, 5, 3_900, 2, 187_200)
    assert "load_market 12 5 1 h 5 min 2 2 d 4 h" in printed(Status([SERVICE], [queue]))


def test_an_empty_queue_shows_zeros_and_no_age() -> None:
    queue = QueueStatus("load_market", "q", "d", 0, 0, None, 0, None)
    assert "load_market 0 0 0" in printed(Status([SERVICE], [queue]))


def test_a_pair_without_a_queue_shows_its_letters_only() -> None:
    queue = QueueStatus("extract", None, "d", letters=1, oldest_letter_seconds=59)
    assert "extract 1 59 s" in printed(Status([SERVICE], [queue]))


def test_a_missing_queue_is_said_with_what_to_do() -> None:
    queue = QueueStatus("load_market", "q", "d", 1, 0, 5, missing=("d",))
    lines = printed(Status([SERVICE], [queue]))
    assert "load_market 1 0 5 s missing" in lines
    assert any("tapeline up" in line for line in lines)


def test_an_alarm_shows_since_when_and_why_whatever_brackets_its_reason_has() -> None:
    alarm = AlarmStatus("tapeline-local-x", "2026-11-20T10:00:00+00:00", "[1.0 (20/11/26)] was [red]")
    lines = printed(Status([SERVICE], alarms=[alarm]))
    assert "tapeline-local-x 2026-11-20 10:00:00Z [1.0 (20/11/26)] was [red]" in lines


def test_without_queues_and_alarms_there_is_only_the_table_of_services() -> None:
    lines = printed(Status([SERVICE]))
    assert len(lines) == 2
    assert "not known: no answer" in printed(Status([SERVICE], fault="no answer"))[-1]


def test_json_has_all_of_it() -> None:
    queue = QueueStatus("load_market", "q", "d", 1, 0, 5, missing=("d",))
    found = json.loads(as_json(Status([SERVICE], [queue], fault="")))
    assert found["services"][0]["state"] == "running"
    assert found["queues"][0]["missing"] == ["d"]
    assert found["queues"][0]["letters"] is None


def eventually(check: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 45
    while not (found := check()):
        assert time.monotonic() < deadline, "the local AWS did not come to this state within 45 s"
        time.sleep(0.1)
    return found


@pytest.mark.integration
def test_queues_are_counted_without_receiving_and_missing_ones_are_named(local_aws: Any) -> None:
    aws = local_aws.aws
    market, customer = load_queues("test", "market"), load_queues("test", "customer")
    for name in (market.queue, market.dlq, customer.queue):
        aws.client("sqs").create_queue(QueueName=name)
    queue = Queue(aws.client("sqs"), market.queue)
    for i in range(3):
        queue.send(f"message {i}")
    queue.receive(1, visibility_seconds=600)

    def shown() -> dict[str, QueueStatus]:
        return {one.title: one for one in queue_states(aws, "test")}

    found = eventually(lambda: (now := shown())["load_market"].oldest_seconds is not None and now)
    assert [one.title for one in found.values()] == [pair.title for pair in queue_pairs("test")]
    market_now = found["load_market"]
    assert (market_now.waiting, market_now.in_flight, market_now.letters) == (2, 1, 0)
    assert market_now.oldest_letter_seconds is None
    assert found["load_customer"].missing == (customer.dlq,)
    assert (found["load_customer"].waiting, found["load_customer"].letters) == (0, None)
    assert len(found["extract"].missing) == 1
    rest = queue.receive(10, visibility_seconds=600)
    assert [message.received for message in rest] == [1, 1], "looking counted as a delivery"


@pytest.mark.integration
def test_alarms_that_are_on_are_listed_of_this_deployment_only(local_aws: Any) -> None:
    cloudwatch = local_aws.aws.client("cloudwatch")
    for name, missing in (
        ("tapeline-test-on", "breaching"),
        ("tapeline-test-off", "notBreaching"),
        ("tapeline-other-on", "breaching"),
    ):
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="Tapeline/Test", MetricName="Nothing", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=0, ComparisonOperator="GreaterThanThreshold",
            TreatMissingData=missing,
        )  # fmt: skip
    found = eventually(lambda: alarms_on(local_aws.aws, "test"))
    assert [alarm.name for alarm in found] == ["tapeline-test-on"]
    assert "no datapoints were received" in found[0].reason
