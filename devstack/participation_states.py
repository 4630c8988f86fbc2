"""Waits until requests are final, a hundred at a look."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from devstack.participation_faults import SimulationFailed
from include.clients.aws import Aws
from include.clients.queues import Queue
from include.participation.models import FINAL
from include.participation.table import request_key

KEYS = 100
"""Items that a call of BatchGetItem takes."""
LOOK_SECONDS = 5
"""How long the table is left alone while messages wait."""


def await_final(
    aws: Aws, table: str, queue: Queue, ids: Collection[str], tell: Callable[[int], None]
) -> dict[str, str]:
    """Return the final state of each request; `tell` is called with how many messages still wait."""
    states: dict[str, str] = {}
    deadline, look = time.monotonic() + 120 + len(ids) / 10, time.monotonic() + LOOK_SECONDS
    while len(states) < len(ids):
        if time.monotonic() > deadline:
            raise SimulationFailed(f"{len(ids) - len(states)} of {len(ids)} requests are not final in time.")
        waiting = queue.depth().total
        tell(waiting)
        if waiting and time.monotonic() < look:
            time.sleep(0.2)
            continue
        states |= _final(aws, table, [name for name in ids if name not in states])
        look = time.monotonic() + LOOK_SECONDS
        time.sleep(0 if len(states) == len(ids) else 0.2)
    return states


def _final(aws: Aws, table: str, ids: list[str]) -> dict[str, str]:
    """Return the state of those that are final, as far as the first that are not: others are later still."""
    client = aws.table(table).meta.client
    found: dict[str, str] = {}
    for first in range(0, len(ids), KEYS):
        asked: Mapping[str, Any] = {
            table: {
                "Keys": [request_key(name) for name in ids[first : first + KEYS]],
                "ProjectionExpression": "requestId, #status",
                "ExpressionAttributeNames": {"#status": "status"},
                "ConsistentRead": True,
            }
        }
        items: list[Any] = []
        while asked:
            answer = client.batch_get_item(RequestItems=asked)
            items += answer["Responses"].get(table, [])
            asked = answer.get("UnprocessedKeys", {})
        done = {item["requestId"]: item["status"] for item in items if item["status"] in FINAL}
        found |= done
        if not done:
            break
    return found


def await_empty(queue: Queue, seconds: float = 30) -> int:
    """Wait until nothing waits in the queue; return how many messages are left then, or in the end."""
    deadline = time.monotonic() + seconds
    while (left := queue.depth().total) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
