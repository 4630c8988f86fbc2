"""Which finished requests have no event: the table of requests against the ids that Athena found, id by id."""

from __future__ import annotations

import hashlib
import heapq
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.analytics.config import Day
from include.clients.aws import Aws

log = logging.getLogger(__name__)
FINAL = ("SUCCEEDED", "REJECTED", "FAILED_FINAL")
NAMED = 20
"""Requests without an event that are named; all are counted."""
_DIGEST = 8
"""Bytes kept of an id. Of five million ids one in a million days has two of the same digest."""


@dataclass(frozen=True)
class Missing:
    """Finished requests of the day that have no event."""

    count: int
    named: tuple[str, ...] = ()
    """The first of them by id, `NAMED` at most."""


def find_missing(aws: Aws, table: str, day: Day, published: Iterable[str]) -> Missing | None:
    """Return the requests queued on the day that are final and not among the `published` ids.

    None, with one warning, where the table cannot be read: the report is about events and does without it.

    No index has requests by time, so the whole table is read: once a run, page by page, eventually consistent,
    ids alone; no request of the service waits for it. Memory: eight bytes a published id, and one page.
    """
    try:
        return _beyond(_digests(published), _final_ids(aws, table, day))
    except (BotoCoreError, ClientError) as error:
        log.warning("The table %s cannot be read, so missing events are not counted: %s", table, error)
        return None


def _beyond(published: Any, pages: Iterable[list[str]]) -> Missing:
    """Return the ids of the pages that are not among the published ones' digests, which are in order."""
    import numpy as np

    count, named = 0, list[str]()
    for ids in pages:
        asked = np.frombuffer(b"".join(map(_digest, ids)), dtype=np.uint64)
        place = np.searchsorted(published, asked)
        found = published.take(place, mode="clip") == asked if len(published) else np.zeros(len(ids), bool)
        lacking = [name for name, there in zip(ids, found, strict=True) if not there]
        count += len(lacking)
        named = heapq.nsmallest(NAMED, [*named, *lacking])
    return Missing(count, tuple(named))


def _digests(ids: Iterable[str]) -> Any:
    """Return the ids' digests as an array, in order."""
    import numpy as np

    packed = bytearray()
    for name in ids:
        packed += _digest(name)
    found = np.frombuffer(packed, dtype=np.uint64)
    found.sort()
    return found


def _digest(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=_DIGEST).digest()


def _final_ids(aws: Aws, table: str, day: Day) -> Iterator[list[str]]:
    """Yield the ids of the day's final requests, page by page."""
    start, end = day.bounds_ms
    states = {f":s{n}": {"S": state} for n, state in enumerate(FINAL)}
    asked: dict[str, Any] = {
        "TableName": table,
        "ProjectionExpression": "requestId",
        "FilterExpression": f"queuedAt >= :a AND queuedAt < :b AND #status IN ({', '.join(states)})",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":a": {"N": str(start)}, ":b": {"N": str(end)}, **states},
    }
    for page in aws.client("dynamodb").get_paginator("scan").paginate(**asked):
        yield [item["requestId"]["S"] for item in page["Items"]]
