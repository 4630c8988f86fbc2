"""A dead letter sets off its domain's alarm on the local default, and a redrive brings it back."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from devstack.stack import ENVIRONMENT, Stack
from devstack.status import alarms_on, queue_states
from include.clients.aws import Aws
from include.clients.queues import Queue
from include.core.contracts import DeadLetter
from include.core.queues import load_queues
from include.redrive.config import RedriveRequest
from include.redrive.redrive import redrive_letters

pytestmark = pytest.mark.integration
DOMAIN = "analytics"
PAIR = load_queues(ENVIRONMENT, DOMAIN)
ALARM = f"tapeline-{ENVIRONMENT}-{DOMAIN}-LoadDLQMessages"
MINUTE = 150
"""The alarm's period is 60 s: it is back at the latest two seconds after the minute of the redrive."""


def eventually(check: Callable[[], Any], what: str) -> Any:
    """Return the first true answer of `check`."""
    deadline = time.monotonic() + MINUTE
    while not (found := check()):
        assert time.monotonic() < deadline, f"{what} did not come within {MINUTE} s"
        time.sleep(0.2)
    return found


def drained(queue: Queue) -> list[str]:
    """Return the bodies of all messages of a queue, and delete them."""
    bodies = []
    while found := queue.receive(10, visibility_seconds=60):
        queue.delete(found)
        bodies += [message.body for message in found]
    return bodies


def state(aws: Aws) -> str:
    found = aws.client("cloudwatch").describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    return str(found[0]["StateValue"])


@pytest.fixture
def told(stack: Stack) -> Iterator[Callable[[str, str], dict[str, Any]]]:
    """Return a function that gives the notification of the alarm's change from a state to another."""
    aws = stack.aws()
    sqs, sns = aws.client("sqs"), aws.client("sns")
    found = aws.client("cloudwatch").describe_alarms(AlarmNames=[ALARM])["MetricAlarms"][0]
    assert found["AlarmActions"] == found["OKActions"]
    inbox = Queue(sqs, f"inbox-{uuid.uuid4().hex[:8]}")
    sqs.create_queue(QueueName=inbox.name)
    attributes = sqs.get_queue_attributes(QueueUrl=inbox.url, AttributeNames=["QueueArn"])["Attributes"]
    subscription = sns.subscribe(
        TopicArn=found["AlarmActions"][0],
        Protocol="sqs",
        Endpoint=attributes["QueueArn"],
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    messages: list[dict[str, Any]] = []

    def change(old: str, new: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            messages.extend(json.loads(json.loads(body)["Message"]) for body in drained(inbox))
            wanted = (ALARM, old, new)
            fields = ("AlarmName", "OldStateValue", "NewStateValue")
            return next((one for one in messages if tuple(one[name] for name in fields) == wanted), None)

        found: dict[str, Any] = eventually(look, f"the notification of {old} to {new}")
        return found

    yield change
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=inbox.url)


def test_a_letter_sets_off_the_alarm_of_its_domain_and_a_redrive_brings_it_back(
    stack: Stack, told: Callable[[str, str], dict[str, Any]]
) -> None:
    aws = stack.aws()
    queue, dlq = (Queue(aws.client("sqs"), name) for name in (PAIR.queue, PAIR.dlq))
    for each in (queue, dlq):
        drained(each)
    eventually(lambda: state(aws) == "OK", "a quiet alarm")
    original = json.dumps({"bucket": "curated", "key": f"{DOMAIN}/visits/ds=2026-11-20/part-000.parquet"})
    letter = DeadLetter(
        source_queue=queue.name,
        original_body=original,
        code="E005",
        error="WarehouseUnavailable",
        message="ClickHouse refuses connections",
        attempts=3,
        failed_at=datetime.now(timezone.utc),
    )

    dlq.send(letter.model_dump_json())

    eventually(lambda: state(aws) == "ALARM", "the alarm")
    assert told("OK", "ALARM")["Trigger"]["Dimensions"] == [{"name": "QueueName", "value": dlq.name}]
    assert ALARM in [alarm.name for alarm in alarms_on(aws, ENVIRONMENT)]
    shown = {one.title: one for one in queue_states(aws, ENVIRONMENT)}[PAIR.title]
    assert (shown.letters, shown.missing) == (1, ())

    redriven = redrive_letters(
        RedriveRequest(queue=PAIR.title, dry_run=False),
        aws=aws,
        environment=ENVIRONMENT,
        now=datetime.now(timezone.utc),
    )

    assert redriven["redriven"] == 1
    eventually(lambda: state(aws) == "OK", "the end of the alarm")
    assert told("ALARM", "OK")["AlarmArn"].endswith(f":alarm:{ALARM}")
    assert drained(queue) == [original]
