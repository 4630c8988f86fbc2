"""Keeps messages hidden from other loaders for as long as they are worked on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from include.clients.queues import Message, Queue

log = logging.getLogger(__name__)


class Heartbeat:
    """A thread that extends the visibility of all held messages every third of it.

    A beat that fails is a warning: two more come before the messages are visible. As a context manager: it
    beats until the end of the block.
    """

    def __init__(self, queue: Queue, visibility_seconds: float) -> None:
        self._queue = queue
        self._seconds = visibility_seconds
        self._held: dict[str, Message] = {}
        self._lost: set[str] = set()
        self._changing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heartbeat {queue.name}", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the thread; after this, no message is extended any more."""
        self._ended.set()
        self._thread.join()

    def hold(self, messages: Iterable[Message]) -> None:
        """Keep messages hidden from now on."""
        with self._changing:
            self._held.update((message.id, message) for message in messages)

    def release(self, messages: Iterable[Message]) -> None:
        """Extend these messages no more."""
        with self._changing:
            for message in messages:
                self._held.pop(message.id, None)

    @property
    def held(self) -> list[Message]:
        """The messages that are kept hidden."""
        with self._changing:
            return list(self._held.values())

    def is_lost(self, message: Message) -> bool:
        """Return whether somebody else got, or deleted, the message meanwhile."""
        return message.id in self._lost

    def _run(self) -> None:
        while not self._ended.wait(self._seconds / 3):
            try:
                self._beat()
            except Exception as error:  # noqa: PERF203 - the messages of a thread that ended would be loaded twice
                log.warning("messages of %s were not extended (%s); again soon", self._queue.name, error)

    def _beat(self) -> None:
        failed = set(self._queue.hide(self.held, int(self._seconds)))
        with self._changing:
            # one that was released meanwhile was deleted by ourselves
            lost = [self._held.pop(found) for found in failed & set(self._held)]
            self._lost.update(message.id for message in lost)
        for message in lost:
            log.warning("the message %s was delivered to another loader, or deleted", message.id)
