"""How deep the queues are. Their attributes are read; nothing is received, which would count as a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from include.clients.queues import Queue
from include.core.errors import TapelineError
from include.core.queues import QueuePair, queue_pairs
from include.status.dashboard_sources import Answer

SOURCE = "SQS"
_READERS = {
    "price_requests": "prices_on_event",
    "price_manifests": "prices_on_event",
    "extract": "prices_daily",
    "participation": "g1_metrics",
    "events": "g1_metrics",
}
"""The DAG that a queue belongs to, where that is not the queue's title; participation's numbers are G1's."""


def readable_queues(environment: str, dags: Sequence[str]) -> list[QueuePair]:
    """Return the queues of the DAGs that the user may read."""
    return [pair for pair in queue_pairs(environment) if _READERS.get(pair.title, pair.title) in dags]


def query_queues(client: Any, pairs: Sequence[QueuePair]) -> Answer:
    """Return how many messages wait, are being handled, and are dead; a queue that fails says why in its row.

    Raises what the first queue raised where all of them failed.
    """
    if not pairs:
        return {"queues": []}
    with ThreadPoolExecutor(min(8, len(pairs))) as pool:
        rows = list(pool.map(lambda pair: _depths(client, pair), pairs))
    if all("error" in row for row in rows):
        raise rows[0]["error"]
    return {"queues": [{**row, "error": str(row["error"])} if "error" in row else row for row in rows]}


def _depths(client: Any, pair: QueuePair) -> dict[str, Any]:
    row: dict[str, Any] = {"title": pair.title, "waiting": None, "in_flight": None, "dead": None}
    try:
        row["dead"] = _queue(client, pair.dlq).depth().total
        if pair.queue:
            depth = _queue(client, pair.queue).depth()
            row |= {"waiting": depth.visible + depth.delayed, "in_flight": depth.in_flight}
    except TapelineError as error:
        row["error"] = error
    return row


@cache
def _queue(client: Any, name: str) -> Queue:
    """Return the queue that was asked before: its URL is known."""
    return Queue(client, name)
