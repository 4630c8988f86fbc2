"""What CloudWatch sends to an SNS topic as an alarm changes its state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

ACTIONS = {
    "ALARM": "AlarmActions",
    "OK": "OKActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}


@dataclass(frozen=True)
class Change:
    """An alarm's new state."""

    old: str
    new: str
    reason: str
    at: float
    """Unix seconds."""


def topics(record: Mapping[str, Any], state: str) -> list[str]:
    """Return the ARNs of the SNS topics that hear of this state; none while the actions are disabled."""
    if not record.get("ActionsEnabled", True):
        return []
    return [arn for arn in record.get(ACTIONS[state]) or [] if arn.startswith("arn:aws:sns:")]


def subject(record: Mapping[str, Any], change: Change) -> str:
    """Return the subject, at most the 100 characters that SNS takes."""
    return f'{change.new}: "{record["AlarmName"]}" in {region_of(record)}'[:100]


def message(record: Mapping[str, Any], change: Change) -> str:
    """Return the message as CloudWatch writes it: JSON, dimensions with small letters."""
    return json.dumps(
        {
            "AlarmName": record["AlarmName"],
            "AlarmDescription": record.get("AlarmDescription") or None,
            "AWSAccountId": record["AlarmArn"].split(":")[4],
            "AlarmConfigurationUpdatedTimestamp": _instant(record["AlarmConfigurationUpdatedTimestamp"]),
            "NewStateValue": change.new,
            "NewStateReason": change.reason,
            "StateChangeTime": _instant(change.at),
            "Region": region_of(record),
            "AlarmArn": record["AlarmArn"],
            "OldStateValue": change.old,
            **{name: record.get(name) or [] for name in ACTIONS.values()},
            "Trigger": _trigger(record),
        }
    )


def region_of(record: Mapping[str, Any]) -> str:
    """Return the region's code, where AWS writes a name for people."""
    return str(record["AlarmArn"].split(":")[3])


def _trigger(record: Mapping[str, Any]) -> dict[str, Any]:
    extended = record.get("ExtendedStatistic")
    by = (
        {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": extended}
        if extended
        else {"StatisticType": "Statistic", "Statistic": str(record.get("Statistic")).upper()}
    )
    return {
        "MetricName": record["MetricName"],
        "Namespace": record["Namespace"],
        **by,
        "Unit": record.get("Unit"),
        "Dimensions": [
            {"value": each["Value"], "name": each["Name"]} for each in record.get("Dimensions") or []
        ],
        "Period": record.get("Period"),
        "EvaluationPeriods": record.get("EvaluationPeriods"),
        "DatapointsToAlarm": record.get("DatapointsToAlarm") or record.get("EvaluationPeriods"),
        "ComparisonOperator": record.get("ComparisonOperator"),
        "Threshold": record.get("Threshold"),
        "TreatMissingData": record.get("TreatMissingData") or "missing",
        "EvaluateLowSampleCountPercentile": "",
    }


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
