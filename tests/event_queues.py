"""The queues of `prices_on_event` on the local default: put in what EventBridge would, see what became of it."""

from __future__ import annotations

import json
import uuid
from typing import Any

from devstack.dagrun import run_dag
from include.clients.queues import Message, Queue
from include.core.queues import QueuePair, price_manifests, price_requests
from tests.market import FRIDAY, Market, Run, finished, pushed

SATURDAY = "2013-03-02T10:00:00Z"
"""When events happen unless the test says otherwise; `FRIDAY` is the last session that had closed by then."""


class EventQueues:
    """Both queues with their dead letters, empty at first."""

    def __init__(self, market: Market) -> None:
        environment = market.settings.environment
        self._market = market
        self._client = market.aws.client("sqs")
        self.requests, self.request_letters = self._make(price_requests(environment))
        self.manifests, self.manifest_letters = self._make(price_manifests(environment))

    def _make(self, pair: QueuePair) -> tuple[Queue, Queue]:
        queues = Queue(self._client, str(pair.queue)), Queue(self._client, pair.dlq)
        for queue in queues:
            self._client.purge_queue(QueueUrl=queue.url)
        return queues

    def ask(self, detail: dict[str, Any], *, detail_type: str = "PricesRequested", **changes: Any) -> str:
        """Put a custom event into its queue; return the event's id."""
        event = {
            "id": str(uuid.uuid4()), "time": SATURDAY, "source": "tapeline", "detail_type": detail_type,
            "detail": detail, **changes,
        }  # fmt: skip
        self.requests.send(event)
        return str(event["id"])

    def publish(self, detail: dict[str, Any], *, detail_type: str) -> None:
        """Put a custom event on the event bus, as another system would; its time is now."""
        entry = {"Source": "tapeline", "DetailType": detail_type, "Detail": json.dumps(detail)}
        answer = self._market.aws.client("events").put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0, answer

    def announce(self, key: str, **changes: Any) -> None:
        """Put the event of a manifest that landed into its queue."""
        event = {
            "bucket": self._market.settings.raw_bucket, "key": key, "size": 500, "correlation_id": "e1", **changes,
        }  # fmt: skip
        self.manifests.send(event)

    def letters(self, queue: Queue) -> list[dict[str, Any]]:
        """Receive, and delete, all dead letters."""
        return [json.loads(message.body) for message in drain(queue)]

    def give_back(self, run: Run) -> None:
        """Make the message of a run's request visible, as if half an hour had passed."""
        from include.prices.price_events import from_handle

        (handle,) = pushed("prices_on_event", run.run_id, "message")["receive_work"]
        assert self.requests.hide([from_handle(handle)], 0) == []


def drain(queue: Queue) -> list[Message]:
    found: list[Message] = []
    while some := queue.receive(10, visibility_seconds=60):
        queue.delete(some)
        found += some
    return found


def run_on_event() -> Run:
    """Run `prices_on_event` in this process; the stack's environment must be applied."""
    return finished(run_dag("prices_on_event", FRIDAY, {}))
