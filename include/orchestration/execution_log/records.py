"""What a task says of itself for the execution log: counts, quality, and facts worth keeping.

Light on purpose: each `tasks.py` and the listener import it. Nothing here touches a database: the listener opens
the book of a task when it starts and takes it when it ends.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Quality:
    """One measurement of a job's data, a row of `data_quality_metrics`."""

    total: int
    valid: int
    duplicates: int = 0
    missing_fields: Sequence[str] = ()
    """Names of fields that were absent in some record."""
    freshness: datetime | None = None
    """Instant of the newest valid record, with its time zone."""


@dataclass
class Book:
    """What one try of one task has reported so far."""

    processed: int = 0
    failed: int = 0
    reported: bool = False
    """Whether anything was counted at all: a task that counts nothing is not one that counted 0."""
    metadata: dict[str, Any] = field(default_factory=dict)
    quality: list[Quality] = field(default_factory=list)


_lock = threading.Lock()
_open: Book | None = None


def report_records(*, processed: int, failed: int = 0, **metadata: Any) -> None:
    """Add to what the running task has processed; a name of `metadata` given again is replaced.

    Callable any number of times and from any thread of a task. Outside a task it does nothing.
    """
    with _lock:
        if _open is None:
            return
        _open.processed += int(processed or 0)  # an aggregate of nothing is None
        _open.failed += int(failed or 0)
        _open.reported = True
        _open.metadata.update(metadata)


def report_quality(measured: Quality) -> None:
    """Keep a measurement of the running task's data. Outside a task it does nothing."""
    with _lock:
        if _open is not None:
            _open.quality.append(measured)


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
