"""Messages that cannot be handled become dead letters with their reason (docs/adr/0014)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from include.clients.queues import Message, Queue
from include.core.contracts import HISTORY_ATTRIBUTE, Attempt, DeadLetter

log = logging.getLogger(__name__)
INVALID, CORRUPT, MISSING = "E001", "E003", "E007"
_HISTORY = TypeAdapter(list[Attempt])


@dataclass(frozen=True)
class Reason:
    """Why a message cannot be handled, and what it was about as far as it could be read."""

    code: str
    error: Exception
    correlation_id: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Letterbox:
    """A queue, and where its letters go."""

    queue: Queue
    dlq: Queue

    def bury(self, messages: Sequence[Message], reason: Reason, *, now: datetime) -> None:
        """Write a letter for each message, then delete it: killed in between, there are two letters, never none."""
        for message in messages:
            letter = DeadLetter(
                source_queue=self.queue.name,
                original_body=message.body,
                code=reason.code,
                error=type(reason.error).__name__,
                message=str(reason.error),
                attempts=1,
                correlation_id=reason.correlation_id,
                key=reason.key,
                failed_at=now,
                history=_history(message),
            )
            self.dlq.send(letter.model_dump(mode="json"))
            self.queue.delete([message])
            log.error("%s: the message %s is in %s: %s", reason.code, message.id, self.dlq.name, reason.error)


def _history(message: Message) -> list[Attempt]:
    """Return how earlier handlings of a redriven message ended."""
    try:
        return _HISTORY.validate_json(message.attributes.get(HISTORY_ATTRIBUTE, "[]"))
    except ValidationError:
        log.warning("the message %s has a history that cannot be read; it is left out", message.id)
        return []
