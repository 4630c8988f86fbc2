"""What ingest does with a request: RECEIVED, sent to the queue, QUEUED; each step may be done again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from include.clients.queues import Queue
from include.participation.capacity import Capacity
from include.participation.models import RECEIVED, ParticipationMessage, Request
from include.participation.requests import Requests

EVENT_SECONDS = 30
"""How long the type of an event is believed without asking the table."""


class Ingest:
    """Takes requests; safe to share between threads."""

    def __init__(
        self,
        requests: Requests,
        capacity: Capacity,
        queue: Queue,
        *,
        clock: Callable[[], int],
        announce: Callable[[Request], None] | None = None,
    ) -> None:
        """`clock`: milliseconds since 1970, UTC. `announce`: told of each request as it is queued; never raises."""
        self.requests = requests
        self._capacity = capacity
        self._queue = queue
        self._clock = clock
        self._announce = announce
        self._types: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def participate(self, user_id: str, event_id: str) -> Request | None:
        """Return the user's request for the event, QUEUED or beyond; None where there is no such event.

        Asked for again, it is the same request; one that an ingest left at RECEIVED is taken up where it was.
        """
        event_type = self._event_type(event_id)
        if event_type is None:
            return None
        request = self.requests.receive(user_id, event_id, event_type, now=self._clock())
        if request.status != RECEIVED:
            return request
        message = ParticipationMessage(requestId=request.request_id, userId=user_id, eventId=event_id)
        self._queue.send(message.model_dump())
        queued = self.requests.queue(request, queued_at=self._clock())
        if self._announce:
            self._announce(queued)
        return queued

    def _event_type(self, event_id: str) -> str | None:
        with self._lock:
            at, known = self._types.get(event_id, (0.0, ""))
        if known and time.monotonic() - at < EVENT_SECONDS:
            return known
        event = self._capacity.find(event_id)
        if event is None:
            return None
        with self._lock:
            if len(self._types) > 10_000:
                self._types.clear()
            self._types[event_id] = (time.monotonic(), event.event_type)
        return event.event_type
