"""Every alarm of the seeds' tables is there, watches what is really published, and tells whom it should."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from devstack.home import REPO
from include.core.domains import domains
from include.core.queues import (
    extract_letters,
    load_queues,
    participation_queues,
    price_manifests,
    price_requests,
    queue_pairs,
)  # fmt: skip
from include.load.metrics import NAMESPACE
from include.participation.events import NAMESPACE as PARTICIPATION
from include.participation.events import NOT_PUBLISHED
from include.prices.start import TRIGGER_METRICS
from tests.infrastructure.conftest import ENVIRONMENT, Deployed

pytestmark = pytest.mark.integration
VISIBLE, AGE = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
GREATER, AT_LEAST = "GreaterThanThreshold", "GreaterThanOrEqualToThreshold"


@dataclass(frozen=True)
class Wanted:
    """A row of a seed's table."""

    metric: str
    dimensions: dict[str, str]
    threshold: float
    to_alarm: int
    periods: int
    seconds: int
    priority: str
    comparison: str = GREATER


def load_alarms(domain: str) -> dict[str, Wanted]:
    """Seed 002, "CloudWatch Alarms"; failed invocations are seed 000 §6."""
    own = {"Environment": ENVIRONMENT, "Domain": domain}
    pair = load_queues(ENVIRONMENT, domain)
    rule = {"RuleName": f"tapeline-{ENVIRONMENT}-{domain}-load"}
    rows = {
        "LoadLatencyHigh": Wanted(f"{NAMESPACE}/ProcessingLatency", own, 600, 2, 3, 300, "P1"),
        "LoadErrorRateHigh": Wanted(f"{NAMESPACE}/ErrorRate", own, 5, 3, 3, 300, "P0"),
        "LoadQueueDepthHigh": Wanted(f"AWS/SQS/{VISIBLE}", {"QueueName": str(pair.queue)}, 100, 2, 3, 300, "P1"),
        "LoadDLQMessages": Wanted(f"AWS/SQS/{VISIBLE}", {"QueueName": pair.dlq}, 0, 1, 1, 60, "P0"),
        "LoadFailedInvocations": Wanted("AWS/Events/FailedInvocations", rule, 1, 1, 1, 300, "P1"),
    }  # fmt: skip
    return {f"tapeline-{ENVIRONMENT}-{domain}-{name}": row for name, row in rows.items()}


def extract_alarms() -> dict[str, Wanted]:
    """Seed 001, "알람 설정", and seed 000 §5 and §6."""
    found = {}
    for pair in (price_requests(ENVIRONMENT), price_manifests(ENVIRONMENT)):
        name, queue = str(pair.queue), {"QueueName": str(pair.queue)}
        rule = {"RuleName": name}
        found |= {
            f"{name}-QueueDepthHigh": Wanted(f"AWS/SQS/{VISIBLE}", queue, 100, 1, 1, 300, "P2"),
            f"{name}-MessageAgeHigh": Wanted(f"AWS/SQS/{AGE}", queue, 300, 1, 1, 300, "P2"),
            f"{name}-FailedInvocations": Wanted("AWS/Events/FailedInvocations", rule, 1, 1, 1, 300, "P1"),
        }
    for pair in (price_requests(ENVIRONMENT), price_manifests(ENVIRONMENT), extract_letters(ENVIRONMENT)):
        name, letters = pair.dlq.removesuffix("-dlq"), {"QueueName": pair.dlq}
        found |= {
            f"{name}-DLQMessages": Wanted(f"AWS/SQS/{VISIBLE}", letters, 0, 1, 1, 60, "P1"),
            f"{name}-DLQGrowing": Wanted(f"AWS/SQS/{VISIBLE}", letters, 50, 1, 1, 60, "P0", AT_LEAST),
        }
    for trigger in ("schedule", "manual", "event"):
        failed = {"TriggerType": trigger, "Domain": "market", "Status": "failed"}
        metric = f"{TRIGGER_METRICS}/TriggerExecution"
        found[f"tapeline-{ENVIRONMENT}-extract-Errors-{trigger}"] = Wanted(
            metric, failed, 1, 1, 1, 300, "P1", AT_LEAST
        )
    return found


def lake_alarms() -> dict[str, Wanted]:
    """Seed 003 §3: events that do not reach S3 are seen (ADR 0020)."""
    name = f"tapeline-{ENVIRONMENT}-events"
    rule = {"RuleName": f"tapeline-{ENVIRONMENT}-rule-worker-to-firehose"}
    letters, stream = {"QueueName": f"{name}-dlq"}, {"DeliveryStreamName": name}
    fresh = "AWS/Firehose/DeliveryToS3.DataFreshness"
    return {
        f"{name}-FailedInvocations": Wanted("AWS/Events/FailedInvocations", rule, 1, 1, 1, 300, "P1"),
        f"{name}-DLQMessages": Wanted(f"AWS/SQS/{VISIBLE}", letters, 0, 1, 1, 60, "P1"),
        f"{name}-DeliveryLate": Wanted(fresh, stream, 900, 1, 1, 300, "P1"),
    }


def participation_alarms() -> dict[str, Wanted]:
    """Of the queue and the dead letters of the participation service, and of events that analysis lacks."""
    pair, own = participation_queues(ENVIRONMENT), {"Environment": ENVIRONMENT}
    queue, letters = {"QueueName": str(pair.queue)}, {"QueueName": pair.dlq}
    rows = {
        "MessageAgeHigh": Wanted(f"AWS/SQS/{AGE}", queue, 300, 1, 1, 300, "P1"),
        "DLQMessages": Wanted(f"AWS/SQS/{VISIBLE}", letters, 0, 1, 1, 60, "P1"),
        "DLQGrowing": Wanted(f"AWS/SQS/{VISIBLE}", letters, 50, 1, 1, 60, "P0", AT_LEAST),
        "EventsNotPublished": Wanted(f"{PARTICIPATION}/{NOT_PUBLISHED}", own, 0, 1, 1, 300, "P2"),
    }
    return {f"{pair.queue}-{name}": row for name, row in rows.items()}


WANTED = (
    extract_alarms()
    | lake_alarms()
    | participation_alarms()
    | {name: alarm for domain in domains() for name, alarm in load_alarms(domain).items()}
)


@pytest.fixture(scope="session")
def alarms(deployed: Deployed) -> dict[str, dict[str, Any]]:
    """The alarms by name."""
    pages = deployed.aws.client("cloudwatch").get_paginator("describe_alarms").paginate()
    ours = (alarm for page in pages for alarm in page["MetricAlarms"])
    return {one["AlarmName"]: one for one in ours if one["AlarmName"].startswith(f"tapeline-{ENVIRONMENT}-")}


def test_there_is_no_alarm_without_a_row_here(alarms: dict[str, dict[str, Any]]) -> None:
    assert {name for name in alarms if "-health-" not in name} == WANTED.keys()


@pytest.mark.parametrize("name", WANTED)
def test_an_alarm_is_as_the_seed_says(
    deployed: Deployed, alarms: dict[str, dict[str, Any]], name: str
) -> None:
    found, wanted = alarms[name], WANTED[name]
    assert wanted == Wanted(
        metric=f"{found['Namespace']}/{found['MetricName']}",
        dimensions={one["Name"]: one["Value"] for one in found["Dimensions"]},
        threshold=found["Threshold"],
        to_alarm=found["DatapointsToAlarm"],
        periods=found["EvaluationPeriods"],
        seconds=found["Period"],
        priority=wanted.priority,
        comparison=found["ComparisonOperator"],
    )
    topic = [deployed.outputs[f"Alerts{wanted.priority}"]]
    assert (found["AlarmActions"], found["OKActions"]) == (topic, topic)
    assert found["TreatMissingData"] == "notBreaching"
    assert found["ActionsEnabled"]


@pytest.mark.parametrize("name", WANTED)
def test_an_alarm_names_a_runbook_that_is_there(alarms: dict[str, dict[str, Any]], name: str) -> None:
    (runbook,) = re.findall(r"docs/runbooks/\w+\.md", alarms[name]["AlarmDescription"])
    assert (REPO / runbook).is_file()


def test_the_dashboard_shows_each_metric_of_the_seeds_for_domains_that_are_not_there_yet(
    deployed: Deployed,
) -> None:
    name = deployed.outputs["Dashboard"]
    body = deployed.aws.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
    metrics = [widget["properties"]["metrics"] for widget in json.loads(body)["widgets"]]
    text = json.dumps(metrics)
    for metric in (
        VISIBLE, AGE, "ProcessingLatency", "SuccessRate", "ErrorRate", "QueueDepth", "DLQCount",
        "TriggerExecution", "NumberOfObjects", "BucketSizeBytes", "MatchedRules", "SuccessfulInvocations",
        "FailedInvocations", "DeliveryToS3.DataFreshness", "EventsNotPublished",
    ):  # fmt: skip
        assert metric in text
    names = {pair.title for pair in queue_pairs(ENVIRONMENT)} | domains().keys()
    assert [name for name in names if name in text] == []
