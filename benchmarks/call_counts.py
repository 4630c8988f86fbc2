"""Counted calls to AWS as rows of a benchmark's table."""

from __future__ import annotations

from collections import Counter

from benchmarks.harness import Result


def call_results(calls: dict[str, Counter[str]], requests: int) -> list[Result]:
    """Return a row for each part and action, the most frequent first, and one of all."""
    title = f"participation, calls to AWS of {requests:,} requests"
    return [
        Result(
            name=title, way=f"{part}: {_action(target)}", seconds=0, cpu_seconds=0, peak_mb=0, ratio=0,
            amount=f"{number:,} calls",
        )
        for part, found in calls.items()
        for target, number in [*found.most_common(), ("all", sum(found.values()))]
    ]  # fmt: skip


def _action(target: str) -> str:
    service, _, action = target.partition(".")
    return f"{_SERVICES.get(service, service)} {action}".strip()


_SERVICES = {
    "DynamoDB_20120810": "DynamoDB", "AmazonSQS": "SQS", "AWSEvents": "EventBridge",
    "GraniteServiceVersion20100801": "CloudWatch",
}  # fmt: skip
