"""What a worker does with one message: from any state the request is in to a final one, or a later try."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from include.clients.queues import Message
from include.core.contracts.dead_letter import HISTORY_ATTRIBUTE
from include.core.contracts.participation import Failure
from include.core.errors import TerminalError
from include.participation.capacity import Capacity
from include.participation.models import (
    FIRST_COME,
    QUEUED,
    RECEIVED,
    Delivery,
    Outcome,
    Request,
    named_request,
    read_message,
)  # fmt: skip
from include.participation.requests import RequestMissing, Requests

log = logging.getLogger(__name__)
PATIENCE = 2
"""Deliveries for which a worker waits that ingest says QUEUED; after them ingest is dead, and it is said for it."""
_MESSAGE = 500


class UnsupportedEventType(TerminalError):
    """An event's type is none that this worker knows how to decide."""


@dataclass(frozen=True)
class Done:
    """The request is final: its event can be published and the message deleted."""

    request: Request


@dataclass(frozen=True)
class Later:
    """The message is to be given back for so long."""

    seconds: int


@dataclass(frozen=True)
class Dropped:
    """The message is about no request; only a dead letter ends so."""

    reason: str


Handled = Done | Later | Dropped


@dataclass(frozen=True)
class Processor:
    """Processes messages of one queue; safe to share between threads."""

    requests: Requests
    capacity: Capacity
    worker_id: str
    from_dlq: bool
    """Whether the queue is the dead-letter queue."""
    clock: Callable[[], int]
    """Milliseconds since 1970, UTC."""

    def process(self, message: Message) -> Handled:
        """Return what became of the message; raises what a later delivery may overcome, or the letters must."""
        asked = read_message(message.body)
        request = self._started(asked.requestId, message)
        if request is None:
            return Later(message.received)
        if request.final:
            return Done(request)
        return Done(self._decide(request, self._delivery(message)))

    def fail(self, message: Message, error: Exception) -> Handled:
        """Return what became of a dead letter that cannot be processed: its request is FAILED_FINAL.

        Raises as the table does; the letter is tried again then.
        """
        request_id = named_request(message.body)
        if request_id is None:
            return Dropped("it names no request")
        try:
            request = self._started(request_id, message)
        except RequestMissing as missing:
            return Dropped(str(missing))
        if request is None:
            return Later(message.received)
        if request.final:
            return Done(request)
        failure = Failure(
            failureClass="TERMINAL" if isinstance(error, TerminalError) else "UNEXPECTED",
            errorCode=type(error).__name__,
            errorMessage=str(error)[:_MESSAGE],
        )
        outcome = Outcome("FAILED_FINAL", "FAILED", failure)
        return Done(self._settled(request, outcome, self._delivery(message)))

    def _delivery(self, message: Message) -> Delivery:
        # a main queue's message is never a dead letter, unless it was one before
        is_dlq = self.from_dlq or HISTORY_ATTRIBUTE in message.attributes
        return Delivery(message.received, is_dlq, self.worker_id)

    def _started(self, request_id: str, message: Message) -> Request | None:
        """Return the request in PROCESSING or final; None while ingest may still be about to say QUEUED.

        A request in PROCESSING was begun by a worker that died, or is slow: it goes on here, and the one
        write that makes it final decides between the two.
        """
        request = self._start(request_id)
        if request.status != RECEIVED:
            return request
        if message.received <= PATIENCE and not self.from_dlq:
            return None
        # SQS took the message at `sent_at`, which is what ingest did not live to write: no time of ours
        self.requests.queue(request, queued_at=int(message.sent_at.timestamp() * 1000))
        return self._start(request_id)

    def _start(self, request_id: str) -> Request:
        """Return the request, begun if it is QUEUED: never at an instant before that."""
        request = self.requests.start(request_id, now=self.clock())
        if request.status == QUEUED:  # ingest said so between our look at the clock and our write
            request = self.requests.start(request_id, now=self.clock(), seen_queued=True)
        return request

    def _decide(self, request: Request, delivery: Delivery) -> Request:
        if request.event_type != FIRST_COME:
            raise UnsupportedEventType(
                f"{request.request_id} is for {request.event_id} of type {request.event_type}, which no worker "
                f"decides; it ends as FAILED_FINAL once the dead letters are consumed."
            )
        taken = self.capacity.take(request, delivery, now=self.clock())
        if taken == "sold out":
            return self._settled(request, _rejected("SOLD_OUT", "no place was left"), delivery)
        if taken == "no event":
            return self._settled(request, _rejected("EVENT_NOT_FOUND", "there is no such event"), delivery)
        return self._final(request.request_id)

    def _settled(self, request: Request, outcome: Outcome, delivery: Delivery) -> Request:
        return self.requests.settle(request, outcome, delivery, now=self.clock())

    def _final(self, request_id: str) -> Request:
        request = self.requests.get(request_id)
        if request is None:
            raise RequestMissing(f"The request {request_id} was deleted while it was processed.")
        return request


def _rejected(code: str, reason: str) -> Outcome:
    return Outcome("REJECTED", code, Failure(failureClass="BUSINESS", errorCode=code, errorMessage=reason))
