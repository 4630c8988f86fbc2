"""MiniStack saves its state only at a clean stop; here it is saved while it runs, so that a kill loses little.

S3 objects are on disk at once. Everything else (tables, queues, stacks …) is at most `INTERVAL` old, or older where
there is much of it: copying it holds up every request, so it takes a tenth of the time at most.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger("devstack.aws")
INTERVAL = 2.0
"""Seconds between two checkpoints of a state that changes."""
REST = 10
"""How many times as long as the copying took the next checkpoint waits at least."""


class Checkpoints:
    """Saves every service's state where a request may have changed it since the last time."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._changed = asyncio.Event()

    def note_change(self) -> None:
        """Ask for a checkpoint."""
        self._changed.set()

    async def run(self) -> None:
        """Save until cancelled; a state that does not change is not written again."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            held = await self._save()
            await asyncio.sleep(max(self._interval, REST * held))

    async def _save(self) -> float:
        """Save every service; return for how many seconds no request was answered."""
        from ministack.app import _build_persistence_save_dict

        return sum(
            [await self._save_service(name, get) for name, get in _build_persistence_save_dict().items()]
        )

    async def _save_service(self, name: str, get_state: Callable[[], Any]) -> float:
        from ministack.core.persistence import save_state

        begun = time.monotonic()
        try:
            state = get_state()  # on the event loop: no request changes it meanwhile
        except RuntimeError as error:  # a background thread of MiniStack changed it while it was copied
            log.warning("the state of %s could not be copied (%s); it is tried again", name, error)
            self.note_change()
            return 0
        held = time.monotonic() - begun
        if state is not None:
            await asyncio.to_thread(save_state, name, state)
        return held
