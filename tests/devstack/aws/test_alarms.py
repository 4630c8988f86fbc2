"""Alarms of the local AWS: an alarm watches its own queue, tells its topic, and comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from include.clients.aws import Aws
from include.clients.queues import Queue

pytestmark = pytest.mark.integration
SECONDS = 45
"""How long a change may take; it takes 2 to 12 where the machine is idle."""


def eventually(check: Callable[[], Any], what: str) -> Any:
    """Return the first true answer of `check`."""
    deadline = time.monotonic() + SECONDS
    while not (found := check()):
        assert time.monotonic() < deadline, f"{what} did not come within {SECONDS} s"
        time.sleep(0.1)
    return found


@dataclass
class Watched:
    """A queue with an alarm, whose topic sends to another queue."""

    aws: Aws
    name: str

    def build(self) -> Watched:
        sqs, sns, cloudwatch = (self.aws.client(name) for name in ("sqs", "sns", "cloudwatch"))
        sqs.create_queue(QueueName=self.name)
        inbox = sqs.create_queue(QueueName=f"{self.name}-inbox")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = sns.create_topic(Name=self.name)["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        cloudwatch.put_metric_alarm(
            AlarmName=f"{self.name}-alarm",
            Namespace="AWS/SQS", MetricName="ApproximateNumberOfMessagesVisible",
            Dimensions=[{"Name": "QueueName", "Value": self.name}],
            Statistic="Maximum", Period=10, EvaluationPeriods=1, DatapointsToAlarm=1,
            Threshold=0, ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching",
            AlarmActions=[topic], OKActions=[topic],
        )  # fmt: skip
        return self

    @property
    def queue(self) -> Queue:
        return Queue(self.aws.client("sqs"), self.name)

    @property
    def alarm(self) -> dict[str, Any]:
        found = self.aws.client("cloudwatch").describe_alarms(AlarmNames=[f"{self.name}-alarm"])
        alarm: dict[str, Any] = found["MetricAlarms"][0]
        return alarm

    def await_state(self, state: str) -> None:
        eventually(lambda: self.alarm["StateValue"] == state, f"{self.name}: {state}")

    def told(self) -> dict[str, Any]:
        """Return the next notification, and delete it."""
        inbox = Queue(self.aws.client("sqs"), f"{self.name}-inbox")
        found = eventually(
            lambda: inbox.receive(1, visibility_seconds=60, wait_seconds=1), f"a notification of {self.name}"
        )
        inbox.delete(found)
        envelope = json.loads(found[0].body)
        assert self.name in envelope["Subject"]
        message: dict[str, Any] = json.loads(envelope["Message"])
        return message


def test_an_alarm_goes_off_tells_its_topic_and_comes_back(local_aws: Any) -> None:
    watched = Watched(local_aws.aws, "watched").build()
    quiet = Watched(local_aws.aws, "quiet").build()
    watched.await_state("OK")
    assert (watched.told()["OldStateValue"], quiet.told()["NewStateValue"]) == ("INSUFFICIENT_DATA", "OK")

    watched.queue.send("a letter")
    watched.await_state("ALARM")
    told = watched.told()
    assert (told["OldStateValue"], told["NewStateValue"]) == ("OK", "ALARM")
    assert told["Trigger"]["Dimensions"] == [{"name": "QueueName", "value": "watched"}]
    assert told["NewStateReason"] == watched.alarm["StateReason"]
    assert "1.0" in told["NewStateReason"]

    watched.queue.delete(watched.queue.receive(1, visibility_seconds=60))
    watched.await_state("OK")
    assert watched.told()["NewStateValue"] == "OK"

    history = local_aws.aws.client("cloudwatch").describe_alarm_history(
        AlarmName="watched-alarm", HistoryItemType="StateUpdate", ScanBy="TimestampAscending"
    )["AlarmHistoryItems"]
    changes = [json.loads(item["HistoryData"])["newState"]["stateValue"] for item in history]
    assert changes[-3:] == ["OK", "ALARM", "OK"]
    assert quiet.alarm["StateValue"] == "OK", "another queue's letter set it off"
    assert quiet.queue.depth().total == 0
    assert Queue(local_aws.aws.client("sqs"), "quiet-inbox").depth().total == 0


def test_published_points_set_off_no_alarm_by_themselves_and_another_dimension_never_does(
    local_aws: Any,
) -> None:
    cloudwatch = local_aws.aws.client("cloudwatch")

    def put(domain: str) -> None:
        cloudwatch.put_metric_data(
            Namespace="Tapeline/Test",
            MetricData=[
                {"MetricName": "Errors", "Value": 9, "Dimensions": [{"Name": "Domain", "Value": domain}]}
            ],
        )

    def alarm_on(domain: str) -> None:
        cloudwatch.put_metric_alarm(
            AlarmName=domain, Namespace="Tapeline/Test", MetricName="Errors", Statistic="Sum", Period=10,
            Dimensions=[{"Name": "Domain", "Value": domain}], EvaluationPeriods=1, Threshold=0,
            ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching",
        )  # fmt: skip

    def state(domain: str) -> str:
        return str(cloudwatch.describe_alarms(AlarmNames=[domain])["MetricAlarms"][0]["StateValue"])

    def changes(domain: str) -> list[str]:
        items = cloudwatch.describe_alarm_history(AlarmName=domain)["AlarmHistoryItems"]
        return [item["HistorySummary"] for item in items if "Unchecked" not in item["HistoryData"]]

    alarm_on("market")
    alarm_on("customer")
    put("market")
    eventually(lambda: state("market") == "ALARM", "the alarm of the published metric")
    assert changes("customer") == ["Alarm updated from INSUFFICIENT_DATA to OK"]


def test_a_rule_whose_target_is_gone_has_failed_invocations(local_aws: Any) -> None:
    events, cloudwatch = local_aws.aws.client("events"), local_aws.aws.client("cloudwatch")
    pattern = json.dumps({"source": ["tapeline.test"]})
    there = local_aws.aws.client("sqs").create_queue(QueueName="there")["QueueUrl"].rsplit("/", 1)[1]
    for rule, queue in (("broken", "gone"), ("whole", there)):
        events.put_rule(Name=rule, EventPattern=pattern)
        events.put_targets(
            Rule=rule, Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:000000000000:{queue}"}]
        )
    events.put_events(Entries=[{"Source": "tapeline.test", "DetailType": "test", "Detail": "{}"}] * 2)

    def failed(rule: str) -> float:
        now = datetime.now(timezone.utc)
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/Events", MetricName="FailedInvocations", Statistics=["Sum"], Period=300,
            Dimensions=[{"Name": "RuleName", "Value": rule}],
            StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1),
        )["Datapoints"]  # fmt: skip
        return float(sum(point["Sum"] for point in points))

    assert (failed("broken"), failed("whole")) == (2, 0)
    assert Queue(local_aws.aws.client("sqs"), "there").depth().visible == 2


def test_a_state_survives_kill_9_and_is_not_told_again(local_aws: Any) -> None:
    watched = Watched(local_aws.aws, "kept").build()
    watched.queue.send("a letter")
    watched.await_state("ALARM")
    while watched.told()["NewStateValue"] != "ALARM":
        pass
    since = watched.alarm["StateUpdatedTimestamp"]
    kept = local_aws.state / "services" / "cloudwatch.json"
    eventually(lambda: kept.exists() and '"ALARM"' in kept.read_text(), "a checkpoint of the state")
    inbox = Queue(local_aws.aws.client("sqs"), "kept-inbox")

    local_aws.process.kill()
    local_aws.process.wait()
    local_aws.start()

    assert watched.alarm["StateValue"] == "ALARM"
    told_before = inbox.depth().total
    time.sleep(5)  # two rounds of the evaluator, in which nothing may happen
    assert (watched.alarm["StateValue"], watched.alarm["StateUpdatedTimestamp"]) == ("ALARM", since)
    assert inbox.depth().total == told_before
    assert "Traceback" not in local_aws.log
