"""What SQS publishes of a queue."""

from __future__ import annotations

from devstack.aws.metrics import queue_metrics


def test_a_queue_is_counted_by_what_its_messages_wait_for() -> None:
    messages = [
        {"sent_at": 40.0, "visible_at": 40.0, "receive_count": 0},
        {"sent_at": 30.0, "visible_at": 90.0, "receive_count": 1},
        {"sent_at": 50.0, "visible_at": 110.0, "receive_count": 2},
        {"sent_at": 90.0, "visible_at": 130.0, "receive_count": 0},
    ]
    assert queue_metrics(messages, 100.0) == {
        "ApproximateNumberOfMessagesVisible": 2,
        "ApproximateNumberOfMessagesNotVisible": 1,
        "ApproximateNumberOfMessagesDelayed": 1,
        "ApproximateAgeOfOldestMessage": 70,
    }


def test_an_empty_queue_has_no_age() -> None:
    assert set(queue_metrics([], 100.0).values()) == {0.0}
