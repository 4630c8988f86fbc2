"""Custom events that ask for prices: read one, and take the next valid one from its queue."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pydantic import ValidationError

from include.clients.queues import Message
from include.core import sessions
from include.core.contracts import PriceEvent
from include.core.errors import InvalidMessage, InvalidRequest
from include.core.faults import fault_text
from include.prices.config import CALENDAR
from include.prices.letters import INVALID, Letterbox, Reason
from include.prices.validate import validate_request

VISIBILITY_SECONDS = 1800
"""Seed 002. A run that lasts longer has its key: whoever gets the message meanwhile leaves it alone."""
WAIT_SECONDS = 1
"""With a wait SQS asks all of its servers, without one it may say "empty" though a message is there."""


@dataclass(frozen=True)
class Taken:
    """What was found in the queue."""

    resolved: dict[str, Any] | None
    """A valid request as `resolve_request` returns one: request, session day, correlation id."""
    message: Message | None
    """It came by this message, which is hidden for the run."""
    refused: int
    """Messages before it that became letters."""


def take_request(box: Letterbox, *, now: datetime) -> Taken:
    """Take messages one by one until one is valid or the queue is empty; the others become letters.

    Raises what SQS does; the message at hand is given back then.
    """
    refused = 0
    while found := box.queue.receive(1, visibility_seconds=VISIBILITY_SECONDS, wait_seconds=WAIT_SECONDS):
        message = found[0]
        try:
            return Taken(read_request(message.body, now=now), message, refused)
        except (InvalidMessage, InvalidRequest) as error:
            _refuse(box, message, error, now)
            refused += 1
    return Taken(None, None, refused)


def read_request(body: str, *, now: datetime) -> dict[str, Any]:
    """Return the request of a message's body, checked as that of a run by hand.

    The session day is the one that had closed by the event's time, so that an event which is delivered again
    days later has the same idempotency key. Raises `InvalidMessage` or `InvalidRequest` with every fault.
    """
    event = _event(body)
    conf = _conf(event)
    conf.setdefault("correlation_id", event.id)
    conf.setdefault("trigger_type", "event")
    session = sessions.last_closed_session(CALENDAR, min(_utc(event.time), now))
    request, _ = validate_request(conf, session=session)
    return {
        "request": request.model_dump(mode="json"),
        "session": session.isoformat(),
        "correlation_id": request.correlation_id or event.id,
    }


def to_handle(message: Message) -> dict[str, str]:
    """Return what a later task needs to delete the message; its body is not needed."""
    return {"id": message.id, "receipt": message.receipt, "sent_at": message.sent_at.isoformat()}


def from_handle(handle: dict[str, str]) -> Message:
    """Return the delivery that `to_handle` described, without its body."""
    sent_at = datetime.fromisoformat(handle["sent_at"])
    return Message(id=handle["id"], body="", receipt=handle["receipt"], received=1, sent_at=sent_at)


def _event(body: str) -> PriceEvent:
    try:
        event = PriceEvent.model_validate_json(body)
    except ValidationError as error:
        raise InvalidMessage([fault_text(fault, PriceEvent) for fault in error.errors()]) from error
    if _utc(event.time).date() <= sessions.FIRST_DAY:
        raise InvalidMessage([f"time: {event.time} is before the first session, {sessions.FIRST_DAY}"])
    return event


def _conf(event: PriceEvent) -> dict[str, Any]:
    """Return the detail as a run's configuration: the symbol of `SymbolAdded` is one to fetch in any case."""
    conf = {name: value for name, value in event.detail.items() if value is not None}
    if event.detail_type == "PricesRequested":
        return conf
    if event.detail_type != "SymbolAdded":
        raise InvalidMessage(
            [f"detail_type: {event.detail_type!r} is neither 'PricesRequested' nor 'SymbolAdded'"]
        )
    symbol, others = conf.pop("symbol", None), conf.pop("force_symbols", [])
    if symbol is None:
        raise InvalidMessage(["detail.symbol: SymbolAdded needs the symbol that was added"])
    # a wrong shape is left for the request's own check to name
    return {**conf, "force_symbols": [symbol, *others] if isinstance(others, list) else others}


def _refuse(box: Letterbox, message: Message, error: Exception, now: datetime) -> None:
    try:
        reason = Reason(INVALID, error, correlation_id=_id_of(message.body))
        box.bury([message], reason, now=now)
    except Exception:
        box.queue.hide([message], 0)
        raise


def _id_of(body: str) -> str | None:
    """Return the event's id, where that much of the message can be read."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found["id"] if isinstance(found, dict) and isinstance(found.get("id"), str) else None


def _utc(instant: datetime) -> datetime:
    """Return the instant as UTC; EventBridge always says its zone, another sender may not."""
    return instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)
