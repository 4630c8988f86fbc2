"""Queues of a test's own on the local AWS, under the names of an environment of its own."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

from include.clients.aws import Aws
from include.clients.queues import Message, Queue
from include.core.contracts import DeadLetter
from include.core.queues import QueuePair, queue_pairs
from include.redrive.config import RedriveRequest
from include.redrive.redrive import redrive_letters

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


def letter(**fields: Any) -> DeadLetter:
    """Return a dead letter of the market's loads, an hour old, that differs in `fields`."""
    key = fields.get("key", "market/prices/ds=2026-11-20/part-000.parquet")
    whole = {
        "source_queue": "tapeline-any-market-load-queue",
        "original_body": json.dumps({"bucket": "curated", "key": key}),
        "code": "E005",
        "error": "WarehouseUnavailable",
        "message": "ClickHouse refuses connections",
        "attempts": 3,
        "key": key,
        "failed_at": NOW - timedelta(hours=1),
    }
    return DeadLetter.model_validate(whole | fields)


def chunk_letter(**fields: Any) -> dict[str, Any]:
    """Return the letter of a chunk of prices, as the extract writes it."""
    return {
        "id": "market:prices:2013-03-01:scheduled__2013:0",
        "type": "extract_chunk",
        "batch_id": "market:prices:2013-03-01:scheduled__2013",
        "correlation_id": "scheduled__2013",
        "run_id": "scheduled__2013",
        "ds": "2013-03-01",
        "start": "2013-02-01",
        "end": "2013-03-01",
        "interval": "1d",
        "data_source": "yahoo_finance",
        "symbols": [
            {"symbol": "AAPL", "error": "RateLimited", "message": "429"},
            {"symbol": "IBM", "error": "SymbolNotFound", "message": None},
        ],
        "attempts": 5,
        "failed_at": "2026-11-21T09:00:00Z",
    } | fields


def received(body: Any, **attributes: str) -> Message:
    """Return a message as `Queue.receive` would."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Message(uuid.uuid4().hex, text, "receipt", 1, NOW - timedelta(hours=2), dict(attributes))


class Office:
    """All queues of one environment."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.environment = f"e{uuid.uuid4().hex[:10]}"
        self.pairs = {pair.title: pair for pair in queue_pairs(self.environment)}
        for pair in self.pairs.values():
            for name in filter(None, (pair.queue, pair.dlq)):
                aws.client("sqs").create_queue(QueueName=name)

    def pair(self, title: str = "load_market") -> QueuePair:
        return self.pairs[title]

    def queue(self, title: str = "load_market") -> Queue:
        return Queue(self.aws.client("sqs"), self.pair(title).queue or "")

    def dlq(self, title: str = "load_market") -> Queue:
        return Queue(self.aws.client("sqs"), self.pair(title).dlq)

    def put(self, title: str = "load_market", **fields: Any) -> None:
        """Put a letter into the queue's dead letters."""
        fields = {"source_queue": self.pair(title).queue, **fields}
        self.dlq(title).send(letter(**fields).model_dump_json())

    def redrive(self, queue: str = "load_market", **asked: Any) -> dict[str, int]:
        """Redrive, really unless it is asked otherwise."""
        seconds = asked.pop("visibility_seconds", 60)
        request = RedriveRequest(queue=queue, **{"dry_run": False, **asked})
        return redrive_letters(
            request, aws=self.aws, environment=self.environment, now=NOW, visibility_seconds=seconds
        )


def taken(queue: Queue) -> list[Message]:
    """Receive all that is visible, and delete it."""
    found: list[Message] = []
    while messages := queue.receive(10, visibility_seconds=60):
        queue.delete(messages)
        found += messages
    return found
