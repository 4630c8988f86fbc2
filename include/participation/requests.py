"""Requests in the table: each transition is one conditional write, so it happens once.

RECEIVED → QUEUED → PROCESSING → SUCCEEDED | REJECTED | FAILED_FINAL
"""

from __future__ import annotations

from typing import Any

from include.core.contracts.participation import Failure
from include.core.errors import TerminalError
from include.participation.models import (
    FIRST_COME,
    PROCESSING,
    QUEUED,
    RECEIVED,
    Delivery,
    Outcome,
    Request,
    request_id_of,
)  # fmt: skip
from include.participation.table import Item, Table, request_key

_DAY = 86_400
RECEIVED_DAYS = 15
"""A request that was never queued is forgotten; a message lives 14 days at most, so never without its item."""
QUEUED_DAYS = 400


class RequestMissing(TerminalError):
    """A message names a request that is not in the table."""


class Requests:
    """The requests of a table."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def receive(self, user_id: str, event_id: str, event_type: str, *, now: int) -> Request:
        """Return the user's request for the event, RECEIVED if this is the first time it is asked for."""
        item = {
            **request_key(request_id := request_id_of(user_id, event_id)),
            "requestId": request_id, "userId": user_id, "eventId": event_id, "eventType": event_type,
            "status": RECEIVED, "receivedAt": now, "ttl": now // 1000 + RECEIVED_DAYS * _DAY,
        }  # fmt: skip
        return read_item(self.table.put_new(item).item)

    def queue(self, request: Request, *, queued_at: int) -> Request:
        """RECEIVED → QUEUED: return the request, as it was found if it is beyond RECEIVED already.

        Only here `queuedAt` and the keys of GSI1 are set (seed 003 §6, §7.2).
        """
        change = {
            "UpdateExpression": "SET #status = :new, queuedAt = :at, GSI1PK = :user, GSI1SK = :order, #ttl = :ttl",
            "ConditionExpression": "#status = :old",
            "ExpressionAttributeNames": {"#status": "status", "#ttl": "ttl"},
            "ExpressionAttributeValues": {
                ":new": QUEUED, ":old": RECEIVED, ":at": queued_at, ":user": user_partition(request.user_id),
                ":order": f"{queued_at:013d}#{request.request_id}",
                ":ttl": queued_at // 1000 + QUEUED_DAYS * _DAY,
            },
        }  # fmt: skip
        return self._changed(request.request_id, change)

    def start(self, request_id: str, *, now: int, seen_queued: bool = False) -> Request:
        """QUEUED → PROCESSING: return the request, as it was found if it is not QUEUED, or was so only after `now`.

        `seen_queued`: `now` was read after the request was seen QUEUED, so where it is earlier still, the clocks
        of two machines differ. That is written as it is: the analysis has a check for it.
        """
        change = {
            "UpdateExpression": "SET #status = :new, startedAt = :at",
            "ConditionExpression": "#status = :old" if seen_queued else "#status = :old AND queuedAt <= :at",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":new": PROCESSING, ":old": QUEUED, ":at": now},
        }
        return self._changed(request_id, change)

    def settle(self, request: Request, outcome: Outcome, delivery: Delivery, *, now: int) -> Request:
        """PROCESSING → a final state without a place; return the request, as found if it was final already."""
        return self._changed(request.request_id, settling(outcome, delivery, now=now))

    def get(self, request_id: str) -> Request | None:
        """Return the request as it is now."""
        item = self.table.get(request_key(request_id))
        return read_item(item) if item else None

    def newest(
        self, user_id: str, *, limit: int, after: str | None = None
    ) -> tuple[list[Request], str | None]:
        """Return a page of the user's requests that were queued, the newest first, and where the next begins.

        `after`: what an earlier page gave. The index follows the table within moments.
        """
        partition = user_partition(user_id)
        start = None
        if after:
            start = {**request_key(after.partition("#")[2]), "GSI1PK": partition, "GSI1SK": after}
        items = self.table.query_index(partition, limit=limit + 1, after=start)
        last = items[limit - 1]["GSI1SK"] if len(items) > limit else None
        return [read_item(item) for item in items[:limit]], last

    def _changed(self, request_id: str, change: dict[str, Any]) -> Request:
        item = self.table.update(request_key(request_id), change).item
        if not item:
            raise RequestMissing(f"There is no request {request_id} in {self.table.name}; nothing was done.")
        return read_item(item)


def user_partition(user_id: str) -> str:
    """Return the GSI1 partition of a user."""
    return f"USER#{user_id}"


def settling(outcome: Outcome, delivery: Delivery, *, now: int) -> dict[str, Any]:
    """Return the update PROCESSING → a final state."""
    return {
        "UpdateExpression": (
            "SET #status = :new, finishedAt = :at, resultCode = :code, failure = :failure, delivery = :delivery"
        ),
        "ConditionExpression": "#status = :old",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {
            ":new": outcome.status, ":old": PROCESSING, ":at": now, ":code": outcome.result_code,
            ":failure": outcome.failure.model_dump(),
            ":delivery": {
                "attempt": delivery.attempt, "isDlq": delivery.is_dlq, "workerId": delivery.worker_id
            },
        },
    }  # fmt: skip


def read_item(item: Item) -> Request:
    """Return the request of an item."""
    outcome = delivery = None
    if "resultCode" in item:
        outcome = Outcome(item["status"], item["resultCode"], Failure(**item["failure"]))
        told = item["delivery"]
        delivery = Delivery(int(told["attempt"]), told["isDlq"], told["workerId"])
    return Request(
        request_id=item["requestId"],
        user_id=item["userId"],
        event_id=item["eventId"],
        event_type=item.get("eventType", FIRST_COME),
        status=item["status"],
        received_at=int(item["receivedAt"]),
        queued_at=_instant(item, "queuedAt"),
        started_at=_instant(item, "startedAt"),
        finished_at=_instant(item, "finishedAt"),
        outcome=outcome,
        delivery=delivery,
    )


def _instant(item: Item, name: str) -> int | None:
    return int(item[name]) if item.get(name) is not None else None
