"""A loader that only one test knows (bucket, queues, table), and files for it."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from include.clients.queues import Queue
from include.clients.warehouse import Warehouse
from include.core.contracts import DeadLetter
from include.core.domains import Domain
from include.load.config import LoadRequest
from include.load.drain import drain
from include.load.metrics import Counts, LoadMetrics

DAY = datetime(2013, 3, 1, tzinfo=timezone.utc)


def bars(*symbols: str, price: float = 1.25, **other: pa.Array | None) -> bytes:
    """Return a Parquet file of one bar a symbol; `other` replaces columns, None leaves one out."""
    prices = pa.array([price] * len(symbols), pa.float64())
    columns = {
        "symbol": pa.array(symbols, pa.string()),
        "timestamp": pa.array([DAY + timedelta(days=n) for n in range(len(symbols))], pa.timestamp("ms", "UTC")),
        "open": prices, "high": prices, "low": prices, "close": prices, "adjusted_close": prices,
        "volume": pa.array([7] * len(symbols), pa.int64()), **other,
    }  # fmt: skip
    sink = io.BytesIO()
    pq.write_table(pa.table({name: column for name, column in columns.items() if column is not None}), sink)
    return sink.getvalue()


@dataclass
class Loads:
    """A bucket, a queue, its letters and a table that only this test knows."""

    aws: Aws
    open_warehouse: Callable[[], Warehouse]
    domain: Domain
    name: str = field(default_factory=lambda: f"prices_{uuid.uuid4().int % 10**12}m")
    """Of the table; in the domain market it has the columns of prices."""
    visibility_seconds: int = 60

    def __post_init__(self) -> None:
        bucket = f"curated-{self.name.replace('_', '-')}"
        self.aws.client("s3").create_bucket(Bucket=bucket)
        self.store: ObjectStore = self.aws.object_store(bucket)
        self.cloudwatch = self.aws.client("cloudwatch")
        sqs = self.aws.client("sqs")
        self.queue, self.dlq = Queue(sqs, f"{self.name}-queue"), Queue(sqs, f"{self.name}-dlq")
        for queue in (self.queue, self.dlq):
            sqs.create_queue(QueueName=queue.name)

    def key(self, part: str = "part-000.parquet", ds: str = "2013-03-01") -> str:
        return f"{self.domain.name}/{self.name}/ds={ds}/{part}"

    def put(self, data: bytes, part: str = "part-000.parquet", *, times: int = 1) -> str:
        """Write a file and announce it."""
        key = self.key(part)
        self.store.write(key, data)
        for _ in range(times):
            self.announce(key)
        return key

    def announce(self, key: str, **other: Any) -> str:
        """Send what the rule's input transformer makes of an event; return its correlation id."""
        said = {
            "bucket": self.store.bucket, "key": key, "domain": self.domain.name, "file_size": 4000,
            "correlation_id": str(uuid.uuid4()), **other,
        }  # fmt: skip
        self.queue.send(said)
        return str(said["correlation_id"])

    def send_many(self, bodies: Sequence[str]) -> None:
        """Send bodies, ten a call."""
        client, url = self.aws.client("sqs"), self.queue.url
        for first in range(0, len(bodies), 10):
            entries = [
                {"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[first : first + 10])
            ]
            client.send_message_batch(QueueUrl=url, Entries=entries)

    def drain(self, *, sleep: Callable[[float], None] = time.sleep, **request: Any) -> Counts:
        """Run one loader here, without lingering."""
        asked = {"linger_seconds": 0, "visibility_seconds": self.visibility_seconds, **request}
        return drain(
            queue=self.queue,
            dlq=self.dlq,
            store=self.store,
            open_warehouse=self.open_warehouse,
            domain=self.domain,
            request=LoadRequest.model_validate(asked),
            metrics=LoadMetrics(self.cloudwatch, self.name, self.domain.name),
            sleep=sleep,
        )

    def letters(self) -> list[DeadLetter]:
        """Receive, and delete, all letters."""
        return read_letters(self.dlq)

    def codes(self) -> dict[str | None, str]:
        """Return the code of each letter's key."""
        return {letter.key: letter.code for letter in self.letters()}

    def ask(self, sql: str) -> list[dict[str, Any]]:
        with self.open_warehouse() as warehouse:
            return list(warehouse.query(sql).to_pylist())

    def symbols(self) -> list[str]:
        """Return the symbol of every row that readers see."""
        rows = self.ask(f"SELECT symbol FROM {self.domain.name}.{self.name} ORDER BY symbol")
        return [row["symbol"] for row in rows]

    def is_empty(self) -> bool:
        """Return whether no message is left, waiting or in flight."""
        return self.queue.depth().total == 0


def read_letters(dlq: Queue) -> list[DeadLetter]:
    """Receive, and delete, all letters of a queue."""
    found = []
    while messages := dlq.receive(10, visibility_seconds=60):
        found += [DeadLetter.model_validate_json(message.body) for message in messages]
        dlq.delete(messages)
    return found


def wait_until(fact: Callable[[], object], seconds: float = 30) -> bool:
    """Return whether the fact came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if fact():
            return True
        time.sleep(0.05)
    return False
