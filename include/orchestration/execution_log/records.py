"""What a task says of itself for the execution log: counts, and facts worth keeping.

Light on purpose: each `tasks.py` and the listener import it. Nothing here touches a database: the listener opens
the book of a task when it starts and takes it when it ends.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Book:
    """What one try of one task has reported so far."""

    processed: int = 0
    failed: int = 0
    reported: bool = False
    """Whether anything was reported at all: a task that counts nothing is not one that counted 0."""
    metadata: dict[str, Any] = field(default_factory=dict)


_lock = threading.Lock()
_open: Book | None = None


def report_records(*, processed: int, failed: int = 0, **metadata: Any) -> None:
    """Add to what the running task has processed; a name of `metadata` given again is replaced.

    Callable any number of times and from any thread of a task. Outside a task it does nothing.
    """
    with _lock:
        if _open is None:
            return
        _open.processed += int(processed)
        _open.failed += int(failed)
        _open.reported = True
        _open.metadata.update(metadata)


def open_book() -> None:
    """Begin to keep what is reported: a task has started in this process."""
    global _open
    with _lock:
        _open = Book()


def take_book() -> Book:
    """Return what was reported, and keep nothing from now on."""
    global _open
    with _lock:
        book, _open = _open, None
    return book or Book()
