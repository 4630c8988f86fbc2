"""All letters of a dead-letter queue at once: held hidden while they are looked at, then given back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from include.clients.queues import Message, Queue
from include.core.errors import TapelineError

log = logging.getLogger(__name__)
LETTERS = 10_000
BYTES = 64 << 20
"""What one run looks at, at most; the letters are in memory. Where there are more, run again."""


class Holding:
    """The letters that a run holds, by message id. A run that is killed gives them back by its silence:
    they are visible again after `visibility_seconds`. A dead-letter queue has no redrive policy, so that a
    letter was received once more does no harm."""

    def __init__(self, queue: Queue, visibility_seconds: int) -> None:
        self.queue = queue
        self.visibility_seconds = visibility_seconds
        self._held: dict[str, Message] = {}

    @property
    def letters(self) -> list[Message]:
        """The letters that are held."""
        return list(self._held.values())

    def receive_all(self) -> None:
        """Receive until a receive brings nothing new, each letter once."""
        size = 0
        while len(self._held) < LETTERS and size < BYTES:
            # waiting makes SQS ask all of its servers, not some
            found = self.queue.receive(10, visibility_seconds=self.visibility_seconds, wait_seconds=1)
            fresh = [message for message in found if message.id not in self._held]
            self._held.update({message.id: message for message in found})
            size += sum(len(message.body) for message in fresh)
            if not fresh:
                return
        log.warning("%s has more letters than one run looks at; run again for the rest", self.queue.name)

    def renew(self, messages: list[Message]) -> list[Message]:
        """Hide letters anew; return those that are still ours, others' are no longer held."""
        lost = set(self.queue.hide(messages, self.visibility_seconds))
        for message_id in lost:
            del self._held[message_id]
        return [message for message in messages if message.id not in lost]

    def delete(self, message: Message) -> None:
        """Delete a letter."""
        self.queue.delete([message])
        del self._held[message.id]

    def give_back(self, messages: list[Message]) -> None:
        """Let others see these letters again, at once."""
        self.queue.hide(messages, 0)
        for message in messages:
            self._held.pop(message.id, None)


@contextmanager
def holding(queue: Queue, *, visibility_seconds: int) -> Iterator[Holding]:
    """Hold all letters of the queue; what is still held at the end, however it comes, is given back."""
    held = Holding(queue, visibility_seconds)
    try:
        held.receive_all()
        yield held
    finally:
        try:
            held.give_back(held.letters)
        except TapelineError as error:  # not instead of the error that brought us here
            log.warning("letters of %s stay hidden for a while: %s", queue.name, error)
