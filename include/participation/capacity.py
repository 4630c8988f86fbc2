"""Places of an event: as many as were opened are given, one a request, never one more."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from include.participation.models import FIRST_COME, SUCCESS, Delivery, Request
from include.participation.requests import settling
from include.participation.table import Table, capacity_key, request_key

Taken = Literal["taken", "sold out", "no event", "settled before"]
SOLD_OUT_SECONDS = 5
"""How long an event is believed to have no place left without asking: no place comes back by itself."""


@dataclass(frozen=True)
class Event:
    """An event that can be taken part in."""

    event_id: str
    event_type: str
    capacity: int
    remaining: int


class Capacity:
    """The places of all events of a table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._sold_out: dict[str, float] = {}
        """Until when (`time.monotonic`) an event is known to have no place."""

    def open(self, event_id: str, places: int, *, event_type: str = FIRST_COME) -> bool:
        """Open an event; return False, and change nothing, where it is open already."""
        item = {
            **capacity_key(event_id),
            "eventId": event_id, "eventType": event_type, "capacity": places, "remaining": places,
        }  # fmt: skip
        return self._table.put_new(item).done

    def find(self, event_id: str) -> Event | None:
        """Return the event, its places as they are now."""
        item = self._table.get(capacity_key(event_id))
        if item is None:
            return None
        return Event(event_id, item["eventType"], int(item["capacity"]), int(item["remaining"]))

    def take(self, request: Request, delivery: Delivery, *, now: int) -> Taken:
        """PROCESSING → SUCCEEDED and one place fewer, both or neither: a request takes one place only.

        Nothing is written, nor asked, for an event that had no place a moment ago: in a rush most requests come
        after the last place, and a transaction for each would hold up the event's item.
        """
        if time.monotonic() < self._sold_out.get(request.event_id, 0):
            return "sold out"
        place = {
            "UpdateExpression": "SET remaining = remaining - :one",
            "ConditionExpression": "remaining > :none",
            "ExpressionAttributeValues": {":one": 1, ":none": 0},
        }
        refused_request, refused_place = self._table.update_all(
            [
                (request_key(request.request_id), settling(SUCCESS, delivery, now=now)),
                (capacity_key(request.event_id), place),
            ]
        )
        if refused_request is not None:
            return "settled before"
        if refused_place is None:
            return "taken"
        if not refused_place:
            return "no event"
        self._remember_sold_out(request.event_id)
        return "sold out"

    def _remember_sold_out(self, event_id: str) -> None:
        if len(self._sold_out) > 10_000:
            self._sold_out = {}
        self._sold_out[event_id] = time.monotonic() + SOLD_OUT_SECONDS
