"""Messages that cannot be handled, as letters with their reason."""

from __future__ import annotations

import logging
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from include.clients.queues import Message, Queue
from include.core.contracts import HISTORY_ATTRIBUTE, Attempt, DeadLetter
from include.load.messages import said_of
from include.load.policy import Failure, rule_of

log = logging.getLogger(__name__)
LARGEST = 250_000
"""Bytes of a letter; an SQS message may have 262,144 where nobody raised its queue's limit."""
_LONGEST_REASON = 2_000


def write_letter(queue: Queue, dlq: Queue, message: Message, failure: Failure, *, now: datetime) -> None:
    """Write the message's letter, THEN delete the message: killed in between, there are two letters, never none."""
    letter = letter_of(message, failure, source_queue=queue.name, now=now)
    log.error(
        "%s %s after %s attempt(s), to %s: %s",
        letter.code,
        letter.key,
        letter.attempts,
        dlq.name,
        letter.message,
    )
    body = letter.model_dump_json()
    if len(body.encode()) > LARGEST:
        log.error(
            "the letter of %s is too long for SQS; its message goes to %s as it is", message.id, dlq.name
        )
        body = message.body
    dlq.send(body)
    queue.delete([message])


def letter_of(message: Message, failure: Failure, *, source_queue: str, now: datetime) -> DeadLetter:
    """Return the letter: the original body, the reason, and what happened to it before."""
    correlation_id, key = said_of(message.body)
    return DeadLetter(
        source_queue=source_queue,
        original_body=message.body,
        code=rule_of(failure.error).code,
        error=type(failure.error).__name__,
        message=str(failure.error)[:_LONGEST_REASON],
        attempts=failure.attempts,
        correlation_id=correlation_id,
        key=key,
        failed_at=now,
        history=_history(message),
    )


def _history(message: Message) -> list[Attempt]:
    text = message.attributes.get(HISTORY_ATTRIBUTE)
    if not text:
        return []
    try:
        return TypeAdapter(list[Attempt]).validate_json(text)
    except ValidationError:
        log.warning("the message %s has a history that cannot be read; its letter has none", message.id)
        return []
