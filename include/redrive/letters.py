"""What stands in a dead-letter queue, and what a redrive would send for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from include.clients.queues import Message
from include.core.contracts import HISTORY_ATTRIBUTE, Attempt, DeadLetter
from include.core.queues import QueuePair, price_requests, queue_pairs
from include.redrive.extract import ExtractLetter, price_event
from include.redrive.undelivered import OF_EVENTBRIDGE, is_event, reason_of, streamed, transformed

UNKNOWN = "UNKNOWN"
"""Code of a message that SQS moved or EventBridge could not deliver: no handling of ours wrote the reason."""
HISTORY = 10
"""Attempts that a redriven message carries; older ones are forgotten."""
ROOM = 262_144
"""Bytes of body and attributes together that every SQS takes (newer ones take four times as much)."""
MARKED = {"participation"}
"""Queues whose handling must know that a message was a dead letter, even one without a reason."""
_REASON = 1_000


@dataclass(frozen=True)
class Parcel:
    """What a redrive sends."""

    queue: str
    """Where to; the name of a delivery stream where `is_record`."""
    body: str
    attributes: dict[str, str]
    is_record: bool = False


@dataclass(frozen=True)
class Letter:
    """One message of a dead-letter queue, read."""

    received: Message
    codes: tuple[str, ...]
    """More than one for a chunk whose symbols failed differently."""
    keys: tuple[str, ...]
    """The file, or a chunk's symbols; empty where nothing readable names one."""
    reason: str
    attempts: int | None
    """None: nobody knows."""
    failed_at: datetime
    """UTC; of a message without a reason, when it was first sent."""
    parcel: Parcel | None
    """None: nothing can be sent for it."""


def read_letter(message: Message, pair: QueuePair, environment: str) -> Letter:
    """Return what the message of `pair`'s dead-letter queue is; nothing in a message makes this raise."""
    if pair.stream is not None:
        return _event(message, pair.stream)
    if pair.queue is None:
        return _chunk(message, environment)
    try:
        letter = DeadLetter.model_validate_json(message.body)
    except ValidationError as error:
        return _without_reason(message, pair, error)
    known = letter.source_queue in {known.queue for known in queue_pairs(environment)}
    attempt = Attempt(
        code=letter.code,
        error=letter.error,
        message=letter.message,
        attempts=letter.attempts,
        failed_at=letter.failed_at,
    )
    history = _attributes([*letter.history, attempt], letter.original_body)
    return Letter(
        received=message,
        codes=(letter.code,),
        keys=(letter.key,) if letter.key else (),
        reason=f"{letter.error}: {letter.message}",
        attempts=letter.attempts,
        failed_at=letter.failed_at,
        parcel=Parcel(letter.source_queue, letter.original_body, history) if known else None,
    )


def _without_reason(message: Message, pair: QueuePair, error: ValidationError) -> Letter:
    """Return what no handling of ours wrote: a message that SQS moved, or an event that EventBridge kept."""
    said = _object(message.body)
    reason = reason_of(message.attributes) or "moved by SQS itself"
    if "original_body" in said:
        reason = f"not a readable letter: {error.error_count()} fault(s)"
    return Letter(
        received=message,
        codes=(UNKNOWN,),
        keys=_keys(said),
        reason=reason,
        attempts=None,
        failed_at=message.sent_at,
        parcel=_again(message, pair, said),
    )


def _again(message: Message, pair: QueuePair, said: Mapping[str, Any]) -> Parcel | None:
    """Return a message without a reason as it is, an event as its rule would have sent it."""
    if pair.queue is None or "original_body" in said:  # that would come back as a letter about a letter
        return None
    attributes = {name: text for name, text in message.attributes.items() if name not in OF_EVENTBRIDGE}
    if not is_event(said):
        history = _moved(message) if pair.title in MARKED else {}
        return Parcel(pair.queue, message.body, attributes | history)
    wanted = transformed(said, pair.title)
    return Parcel(pair.queue, wanted.model_dump_json(), attributes) if wanted else None


def _moved(message: Message) -> dict[str, str]:
    """Return the history of a message that SQS moved: who handles it again sees that it was a dead letter."""
    attempt = Attempt(
        code=UNKNOWN,
        error="MovedBySqs",
        message="delivered too often; no handling wrote why",
        attempts=message.received,
        failed_at=message.sent_at,
    )
    try:
        before = TypeAdapter(list[Attempt]).validate_json(message.attributes.get(HISTORY_ATTRIBUTE, "[]"))
    except ValidationError:
        before = []
    return _attributes([*before, attempt], message.body)


def _keys(said: Mapping[str, Any]) -> tuple[str, ...]:
    key = said.get("key")
    if is_event(said) and isinstance(said["detail"], dict) and isinstance(said["detail"].get("object"), dict):
        key = said["detail"]["object"].get("key")
    return (key,) if isinstance(key, str) else ()


def _event(message: Message, stream: str) -> Letter:
    """Return an event that never reached its stream, to be put into it as its rule would have.

    Into the stream, not back onto the bus: other rules have had the event, they would get it twice.
    """
    said = _object(message.body)
    record = streamed(said)
    return Letter(
        received=message,
        codes=(UNKNOWN,),
        keys=(said["detail"]["requestId"],) if record else (),
        reason=reason_of(message.attributes) or "no reason is known",
        attempts=None,
        failed_at=message.sent_at,
        parcel=Parcel(stream, record, {}, is_record=True) if record else None,
    )


def _chunk(message: Message, environment: str) -> Letter:
    """Return a chunk's letter, to be sent as an event that asks for its symbols."""
    try:
        chunk = ExtractLetter.model_validate_json(message.body)
    except ValidationError as error:
        reason = f"not a chunk's letter: {error.error_count()} fault(s)"
        return Letter(message, (UNKNOWN,), (), reason, None, message.sent_at, parcel=None)
    body = price_event(chunk, message).model_dump_json()
    attempt = Attempt(
        code=",".join(chunk.errors),
        error=",".join(chunk.errors),
        message=chunk.reason,
        attempts=chunk.attempts or 0,
        failed_at=chunk.failed_at,
    )
    queue = price_requests(environment).queue
    return Letter(
        received=message,
        codes=chunk.errors,
        keys=tuple(symbol.symbol for symbol in chunk.symbols),
        reason=chunk.reason,
        attempts=chunk.attempts,
        failed_at=chunk.failed_at,
        parcel=Parcel(queue, body, _attributes([attempt], body)) if queue else None,
    )


def _attributes(history: Sequence[Attempt], body: str) -> dict[str, str]:
    """Return the newest attempts as a message attribute, fewer where body and attribute would be too long."""
    room = ROOM - len(body.encode()) - len(HISTORY_ATTRIBUTE) - len("String")
    for kept in range(min(HISTORY, len(history)), 0, -1):
        attempts = [attempt.model_dump(mode="json") for attempt in history[-kept:]]
        short = [{**attempt, "message": attempt["message"][:_REASON]} for attempt in attempts]
        text = json.dumps(short)  # ASCII: SQS refuses some characters
        if len(text) <= room:
            return {HISTORY_ATTRIBUTE: text}
    return {}


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
