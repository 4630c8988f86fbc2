"""Alarms and metrics in MiniStack's memory, which has no interface for code in the same process.

All names of MiniStack's that we rely on for alarms are here. Every call is made on the event loop that also
answers requests, so nothing changes meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from devstack.aws.alarms.evaluation import Verdict
from devstack.aws.alarms.notification import Change, message, region_of, subject, topics
from devstack.aws.alarms.statistics import Point

HISTORY = 1_000
"""State changes that are kept of an account and region, the newest."""


@dataclass(frozen=True)
class StoredAlarm:
    """One metric alarm."""

    account: str
    region: str
    record: dict[str, Any]
    """MiniStack's own: what is changed in it, DescribeAlarms shows."""

    @property
    def metric(self) -> tuple[str, str, str]:
        """What MiniStack keeps the metric's points by."""
        from ministack.services import cloudwatch

        dimensions = {each["Name"]: each["Value"] for each in self.record.get("Dimensions") or []}
        return self.record["Namespace"], self.record["MetricName"], cloudwatch._dims_key(dimensions)


def switch_off_own_evaluation() -> None:
    """Stop MiniStack from evaluating alarms itself, at each PutMetricData and PutMetricAlarm.

    The only thing of MiniStack's that is replaced: it takes the points of all queues for one alarm, and
    would tell the topics so before we could correct the state.
    """
    from ministack.services import cloudwatch

    if not callable(cloudwatch._evaluate_alarm):
        raise AttributeError("ministack's cloudwatch evaluates alarms in a way that is not known here")
    cloudwatch._evaluate_alarm = _leave_it


def _leave_it(_alarm: dict[str, Any]) -> None:
    """Stand in for MiniStack's evaluation of one alarm."""


def alarms() -> Iterator[StoredAlarm]:
    """Yield the metric alarms of every account and region; those of metric math have no metric and are left out."""
    from ministack.services import cloudwatch

    for (account, region, _), record in cloudwatch._alarms.all_items():
        if record.get("MetricName") and record.get("Namespace"):
            yield StoredAlarm(account, region, record)


def points(alarm: StoredAlarm, since: float) -> list[Point]:
    """Return what was published of the alarm's metric, in the alarm's unit, since that Unix second."""
    from ministack.services import cloudwatch

    found = cloudwatch._metrics.get_scoped(alarm.account, alarm.region, alarm.metric) or []
    unit = alarm.record.get("Unit")
    return [
        _point(one, cloudwatch._point_stats(one))
        for one in found
        if one["Timestamp"] >= since and (not unit or one.get("Unit") == unit)
    ]


def _point(stored: dict[str, Any], stats: tuple[float, float, float, float]) -> Point:
    count, total, low, high = stats
    return Point(at=stored["Timestamp"], total=total, low=low, high=high, count=count)


def change_state(alarm: StoredAlarm, verdict: Verdict, now: float) -> None:
    """Give the alarm its new state, note it in the history, and tell the topics and composite alarms."""
    from ministack.core.responses import request_scope
    from ministack.services import cloudwatch

    record = alarm.record
    change = Change(old=record["StateValue"], new=verdict.state, reason=verdict.reason, at=now)
    data = _reason_data(record, verdict, now)
    record.update(
        StateValue=change.new,
        StateReason=change.reason,
        StateReasonData=json.dumps(data),
        StateUpdatedTimestamp=int(now),
        StateTransitionedTimestamp=int(now),
    )
    with request_scope(alarm.account, alarm.region):
        cloudwatch._record_history(
            record["AlarmName"], change.old, change.new, change.reason, reason_data=data
        )
        del cloudwatch._history_entries()[:-HISTORY]
        _publish(record, change)
        cloudwatch._evaluate_parent_alarms(record)


def _publish(record: dict[str, Any], change: Change) -> None:
    from ministack.services import sns

    for arn in topics(record, change.new):
        sns.publish_internal(arn, message(record, change), subject(record, change))


def _reason_data(record: dict[str, Any], verdict: Verdict, now: float) -> dict[str, Any]:
    from ministack.services import cloudwatch

    return {
        "version": "1.0",
        "queryDate": cloudwatch._ts_iso(now),
        "region": region_of(record),
        "statistic": record.get("ExtendedStatistic") or record.get("Statistic"),
        "period": record.get("Period"),
        "recentDatapoints": [each.value for each in reversed(verdict.datapoints)],
        "threshold": record.get("Threshold"),
        "evaluatedDatapoints": [
            {"timestamp": cloudwatch._ts_iso(each.start), "value": each.value} for each in verdict.datapoints
        ],
    }
