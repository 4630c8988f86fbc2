"""Tells an outage, which is nobody's fault, from work that fails (docs/adr/0014)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from include.clients.object_store import ObjectStore
from include.clients.warehouse import Warehouse
from include.core.errors import ObjectStoreUnavailable, TapelineError, TransientError

log = logging.getLogger(__name__)
_LOOK_AGAIN = 1.0
Answers = Callable[[], bool]


class ServiceAway(TransientError):
    """The warehouse or the object store stayed away for too long; the messages are back in their queue."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a service that does not answer."""

    seconds: float
    sleep: Callable[[float], None] = time.sleep

    def was_outage(self, answers: Answers, error: Exception) -> bool:
        """Return False where the service answers; else wait until it does and return True.

        Raises `ServiceAway` where it stays away.
        """
        if answers():
            return False
        log.warning("waiting up to %.0f s: %s", self.seconds, error)
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            self.sleep(_LOOK_AGAIN)
            if answers():
                log.info("it answers again")
                return True
        raise ServiceAway(
            f"No answer for {self.seconds:.0f} s ({error}). No file was blamed for it: the messages are back "
            "in their queue and are loaded by a later run."
        ) from error


def warehouse_answers(warehouse: Warehouse) -> bool:
    """Return whether the warehouse answers `SELECT 1`."""
    try:
        warehouse.ping()
    except TransientError:
        return False
    except TapelineError:
        return True
    return True


def store_answers(store: ObjectStore, key: str) -> bool:
    """Return whether the object store answers when asked for a key, be it with a refusal."""
    try:
        store.head(key)
    except ObjectStoreUnavailable:
        return False
    except TapelineError:
        return True
    return True
