"""How many finished requests have no event: the table of requests against the day's events."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.analytics.config import Day
from include.clients.aws import Aws

log = logging.getLogger(__name__)
FINAL = ("SUCCEEDED", "REJECTED", "FAILED_FINAL")


def count_missing(aws: Aws, table: str, day: Day, seen: int) -> int | None:
    """Return how many requests queued on the day are final and beyond the `seen` ones that have an event.

    None, with one warning, where the table cannot be read: the report is about events and does without it.
    Reads the whole table, page by page: no index has requests by time.
    """
    try:
        finished = _count_final(aws, table, day)
    except (BotoCoreError, ClientError) as error:
        log.warning("The table %s cannot be read, so missing events are not counted: %s", table, error)
        return None
    return max(0, finished - seen)


def _count_final(aws: Aws, table: str, day: Day) -> int:
    start, end = day.bounds_ms
    states = {f":s{n}": {"S": state} for n, state in enumerate(FINAL)}
    asked: dict[str, Any] = {
        "TableName": table,
        "Select": "COUNT",
        "FilterExpression": f"queuedAt >= :a AND queuedAt < :b AND #status IN ({', '.join(states)})",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":a": {"N": str(start)}, ":b": {"N": str(end)}, **states},
    }
    pages = aws.client("dynamodb").get_paginator("scan").paginate(**asked)
    return sum(page["Count"] for page in pages)
