"""The metrics that SQS publishes in AWS and MiniStack does not, and the forgetting of old points.

One point a metric and minute, as in AWS (or a shorter period where an alarm of the queue asks for it): of the
age the newest reading; of counts the mean, least and most of all readings, so that an alarm on the maximum does
not go off and on while a redrive holds the letters for some seconds. Nothing is received: the messages are
counted in MiniStack's memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import gcd
from typing import Any

from devstack.aws.alarms import store
from devstack.aws.alarms.evaluation import Alarm

NAMESPACE = "AWS/SQS"
KEPT = {NAMESPACE: 1_800.0}
"""Seconds that points of a namespace are kept."""
KEPT_ELSE = 10_800.0
POINTS = 2_000
"""Points that are kept of one metric, the newest."""
AGE = "ApproximateAgeOfOldestMessage"
_PERIOD = 60
_UNITS = {
    "ApproximateNumberOfMessagesVisible": "Count",
    "ApproximateNumberOfMessagesNotVisible": "Count",
    "ApproximateNumberOfMessagesDelayed": "Count",
    AGE: "Seconds",
}


def publish_queue_metrics(now: float) -> None:
    """Publish the metrics of every queue of every account and region."""
    from ministack.services import cloudwatch, sqs

    periods = _periods()
    for (account, region, _), queue in sqs._queues.all_items():
        name = queue["name"]
        dimensions = {"QueueName": name}
        start = float(now // (period := periods.get((account, region, name), _PERIOD)) * period)
        for metric, value in queue_metrics(queue["messages"], now).items():
            key = (NAMESPACE, metric, cloudwatch._dims_key(dimensions))
            kept = cloudwatch._metrics.get_scoped(account, region, key)
            if kept is None:
                cloudwatch._metrics.set_scoped(account, region, key, kept := [])
            if not kept or kept[-1]["Timestamp"] != start:
                kept.append({"Timestamp": start, "Unit": _UNITS[metric], "Dimensions": dimensions})
            _add_reading(kept[-1], value, newest_only=metric == AGE)


def _add_reading(point: dict[str, Any], value: float, *, newest_only: bool) -> None:
    """Put a reading into the point, which is as MiniStack keeps a value, or else a set of values."""
    readings = point.get("Readings", 0)
    if newest_only or not readings:
        point.update(Value=value, Readings=1)
        return
    point["Readings"] = readings + 1
    known = point.get("_stat")
    if known is None and point["Value"] == value:
        return
    low, high = (known["Minimum"], known["Maximum"]) if known else (point["Value"], point["Value"])
    point["Value"] += (value - point["Value"]) / (readings + 1)
    point["_stat"] = {
        "SampleCount": 1.0,
        "Sum": point["Value"],
        "Minimum": min(low, value),
        "Maximum": max(high, value),
    }


def queue_metrics(messages: Iterable[Mapping[str, Any]], now: float) -> dict[str, float]:
    """Return the values of the metrics for a queue with these messages of MiniStack's."""
    visible = in_flight = delayed = 0
    oldest = now
    for message in messages:
        if message.get("visible_at", 0.0) <= now:
            visible += 1
        elif message.get("receive_count"):
            in_flight += 1
        else:
            delayed += 1
        oldest = min(oldest, message.get("enqueued_at") or message.get("sent_at", now))
    return dict(zip(_UNITS, (float(visible), float(in_flight), float(delayed), now - oldest), strict=True))


def forget_old_points(now: float) -> None:
    """Drop points that no alarm looks at any more; MiniStack keeps two weeks."""
    from ministack.services import cloudwatch

    needed: dict[tuple[str, str, Any], int] = {}
    for alarm in store.alarms():
        metric = (alarm.account, alarm.region, alarm.metric)
        needed[metric] = max(needed.get(metric, 0), Alarm.of(alarm.record).seconds)
    for (account, region, key), points in cloudwatch._metrics.all_items():
        seconds = max(KEPT.get(key[0], KEPT_ELSE), needed.get((account, region, key), 0))
        kept = [point for point in points[-POINTS:] if point["Timestamp"] >= now - seconds]
        if not kept:
            cloudwatch._metrics.pop_scoped(account, region, key, None)
        elif len(kept) < len(points):
            cloudwatch._metrics.set_scoped(account, region, key, kept)


def _periods() -> dict[tuple[str, str, str], int]:
    """Return the seconds between two points for queues whose alarms ask for less than a minute."""
    periods: dict[tuple[str, str, str], int] = {}
    for alarm in store.alarms():
        if alarm.record["Namespace"] != NAMESPACE:
            continue
        for each in alarm.record.get("Dimensions") or []:
            queue = (alarm.account, alarm.region, each["Value"])
            periods[queue] = gcd(periods.get(queue, _PERIOD), int(alarm.record["Period"]))
    return periods
