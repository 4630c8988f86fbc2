"""Writes entries beside the process's own work: a thread that lives only while there is something to write.

A database that is away costs a process one warning: entries are then dropped for a minute, and not waited for.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")
PAUSE_SECONDS = 60.0
"""How long nothing is tried after a failure."""
PENDING = 10_000
"""Entries that may wait; more are dropped (a scheduler whose database hangs must not grow)."""


class Writer(Generic[T]):
    """Hands entries to `write` in order, many at a time; never raises, never blocks who hands them in."""

    def __init__(self, write: Callable[[list[T]], None], *, pause: float = PAUSE_SECONDS) -> None:
        self._write = write
        self._pause = pause
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """A forked child has no thread, and the lock may be held for ever by one that was not forked."""
        self._lock = threading.Lock()
        self._pending: list[T] = []
        self._thread: threading.Thread | None = None
        self._closed_until = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether entries are dropped at present."""
        return time.monotonic() < self._closed_until

    def put(self, entry: T) -> None:
        """Have an entry written soon; dropped while the writer pauses."""
        with self._lock:
            if self.is_paused or len(self._pending) >= PENDING:
                return
            self._pending.append(entry)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="execution-log", daemon=True)
                self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until all is written, but no longer; a database that has not answered by then is left alone."""
        with self._lock:
            thread = self._thread
        if thread is None or self.is_paused:
            return
        thread.join(seconds)
        if thread.is_alive():
            self._rest(f"no answer within {seconds:g} s")

    def _work(self) -> None:
        while True:
            with self._lock:
                batch, self._pending = self._pending, []
                if not batch or self.is_paused:
                    self._thread = None
                    return
            try:
                self._write(batch)
            except Exception as error:  # whatever it is, no task may feel it
                self._rest(" ".join(f"{type(error).__name__}: {error}".split())[:300])

    def _rest(self, reason: str) -> None:
        if not self.is_paused:
            self._closed_until = time.monotonic() + self._pause
            log.warning(
                "The execution log is not written for %.0f s (work goes on unhindered): %s",
                self._pause,
                reason,
            )
