"""What stands in a dead-letter queue, and what a redrive would send for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from include.clients.queues import Message
from include.core.contracts import HISTORY_ATTRIBUTE, Attempt, DeadLetter
from include.core.queues import QueuePair, price_requests, queue_pairs
from include.redrive.extract import ExtractLetter, price_event

UNKNOWN = "UNKNOWN"
"""Code of a message that SQS itself moved: nobody lived to write the reason."""
HISTORY = 10
"""Attempts that a redriven message carries; older ones are forgotten."""
ROOM = 262_144
"""Bytes of body and attributes together that every SQS takes (newer ones take four times as much)."""
_REASON = 1_000


@dataclass(frozen=True)
class Parcel:
    """What a redrive sends."""

    queue: str
    body: str
    attributes: dict[str, str]


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
    """Return a message that SQS moved, to be sent again as it is; or a letter that breaks the contract."""
    said = _object(message.body)
    broken = "original_body" in said  # sent again as it is, it would come back as a letter about a letter
    key = said.get("key")
    return Letter(
        received=message,
        codes=(UNKNOWN,),
        keys=(key,) if isinstance(key, str) else (),
        reason=f"not a readable letter: {error.error_count()} fault(s)" if broken else "moved by SQS itself",
        attempts=None,
        failed_at=message.sent_at,
        parcel=None if broken or pair.queue is None else Parcel(pair.queue, message.body, message.attributes),
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


def _object(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
