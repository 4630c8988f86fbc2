"""What SQS publishes of a queue, and how long points are kept."""

from __future__ import annotations

from typing import Any

import pytest
from ministack.core.responses import AccountRegionScopedDict, request_scope
from ministack.services import cloudwatch, sqs

from devstack.aws import metrics

HERE = ("000000000000", "us-east-1")
VISIBLE = ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName=q")


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """MiniStack's memory in this process, empty but for the queue `q`."""
    for module, name in ((cloudwatch, "_metrics"), (cloudwatch, "_alarms"), (sqs, "_queues")):
        monkeypatch.setattr(module, name, AccountRegionScopedDict())
    sqs._queues.set_scoped(*HERE, "url", {"name": "q", "messages": []})


def put_alarm(period: int, periods: int) -> None:
    record = {
        "AlarmName": f"alarm-{period}",
        "Namespace": "AWS/SQS",
        "MetricName": VISIBLE[1],
        "Dimensions": [{"Name": "QueueName", "Value": "q"}],
        "Period": period,
        "EvaluationPeriods": periods,
        "StateValue": "OK",
    }
    cloudwatch._alarms.set_scoped(*HERE, record["AlarmName"], record)


def points() -> list[dict[str, Any]]:
    return list(cloudwatch._metrics.get_scoped(*HERE, VISIBLE) or [])


def test_a_queue_is_counted_by_what_its_messages_wait_for() -> None:
    messages = [
        {"sent_at": 40.0, "visible_at": 40.0, "receive_count": 0},
        {"sent_at": 30.0, "visible_at": 90.0, "receive_count": 1},
        {"sent_at": 50.0, "visible_at": 110.0, "receive_count": 2},
        {"sent_at": 90.0, "visible_at": 130.0, "receive_count": 0},
    ]
    assert metrics.queue_metrics(messages, 100.0) == {
        "ApproximateNumberOfMessagesVisible": 2,
        "ApproximateNumberOfMessagesNotVisible": 1,
        "ApproximateNumberOfMessagesDelayed": 1,
        "ApproximateAgeOfOldestMessage": 70,
    }


def test_an_empty_queue_has_no_age() -> None:
    assert set(metrics.queue_metrics([], 100.0).values()) == {0.0}


@pytest.mark.usefixtures("memory")
def test_a_minute_has_one_point_with_all_that_was_read_in_it() -> None:
    queue = sqs._queues.get_scoped(*HERE, "url")
    for now, messages in ((600.0, []), (602.0, [{"sent_at": 601.0}] * 6), (604.0, []), (660.0, [])):
        queue["messages"] = messages
        metrics.publish_queue_metrics(now)
    assert [point["Timestamp"] for point in points()] == [600, 660]
    assert [cloudwatch._point_stats(point) for point in points()] == [(1, 2, 0, 6), (1, 0, 0, 0)]


@pytest.mark.usefixtures("memory")
def test_the_age_is_the_newest_one() -> None:
    queue = sqs._queues.get_scoped(*HERE, "url")
    for now, messages in ((600.0, [{"sent_at": 500.0}]), (602.0, [{"sent_at": 601.0}])):
        queue["messages"] = messages
        metrics.publish_queue_metrics(now)
    ages = cloudwatch._metrics.get_scoped(*HERE, ("AWS/SQS", metrics.AGE, "QueueName=q"))
    assert [cloudwatch._point_stats(point) for point in ages] == [(1, 1, 1, 1)]


@pytest.mark.usefixtures("memory")
def test_points_are_as_close_as_the_queues_alarms_ask_for() -> None:
    put_alarm(20, 1)
    put_alarm(30, 1)
    put_alarm(300, 1)
    for now in (600.0, 609.0, 611.0, 625.0):
        metrics.publish_queue_metrics(now)
    assert [point["Timestamp"] for point in points()] == [600, 610, 620]


@pytest.mark.usefixtures("memory")
def test_old_points_are_forgotten_unless_an_alarm_looks_at_them() -> None:
    for now in range(0, 7_200, 60):
        metrics.publish_queue_metrics(float(now))
    metrics.forget_old_points(7_200.0)
    assert len(points()) == 30
    put_alarm(3_600, 24)
    for now in range(7_200, 90_000, 60):
        metrics.publish_queue_metrics(float(now))
        metrics.forget_old_points(float(now))
    assert points()[0]["Timestamp"] == 5_400
    cloudwatch._alarms.clear()
    sqs._queues.clear()
    metrics.forget_old_points(200_000.0)
    assert not cloudwatch._metrics.has_any()


@pytest.mark.usefixtures("memory")
def test_one_metric_cannot_fill_the_memory() -> None:
    with request_scope(*HERE):
        for _ in range(metrics.POINTS + 10):
            cloudwatch.record_metric("Tapeline/Test", "Many", 1)
    metrics.forget_old_points(0.0)
    assert len(cloudwatch._metrics.get_scoped(*HERE, ("Tapeline/Test", "Many", ""))) == metrics.POINTS
