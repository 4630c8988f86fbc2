"""What a dead-letter queue holds (seed 002, "Error Handling")."""

from __future__ import annotations

from datetime import datetime

from include.core.contracts.base import WireModel

HISTORY_ATTRIBUTE = "tapeline_history"
"""Message attribute of a redriven message: JSON list of `Attempt`, oldest first."""


class Attempt(WireModel):
    """How one handling of a message ended."""

    code: str
    """E001 … as docs/adr/0014 says."""
    error: str
    """Name of the error, for instance `ObjectCorrupt`."""
    message: str
    attempts: int
    """How often this handling tried."""
    failed_at: datetime
    """UTC."""


class DeadLetter(WireModel):
    """A message that cannot be handled, and why."""

    source_queue: str
    """Where the message came from, and where a redrive sends it to."""
    original_body: str
    """The message as it was received, whatever it was."""
    code: str
    error: str
    message: str
    attempts: int
    correlation_id: str | None = None
    """None where the message had none that could be read."""
    key: str | None = None
    """Key of the file, where the message names one."""
    failed_at: datetime
    """UTC."""
    history: list[Attempt] = []
    """Earlier handlings that ended here, oldest first: a letter was redriven in between."""
