"""Asking a source so that one that is away, or hangs, costs its own card and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from functools import cache
from typing import Any

from include.core.errors import TapelineError

PATIENCE_SECONDS = 8.0
"""How long a card waits for its source."""
_THREADS = 8
_SHOWN = 300
log = logging.getLogger(__name__)
Answer = dict[str, Any]


def ask_source(source: str, question: Callable[[], Answer], *, patience: float = PATIENCE_SECONDS) -> Answer:
    """Return the question's answer with `available`, or false there and the `reason` in one line.

    `source` is what people call it; each has threads of its own, so that one that hangs blocks no other.
    """
    try:
        return {"available": True, **_threads(source).submit(question).result(patience)}
    except TookTooLong:
        reason = f"{source} did not answer within {patience:g} s."
    except TapelineError as error:
        reason = str(error)
    except Exception as error:
        if _is_missing_connection(error):
            reason = f"{error} (see docs/operations.md, Connections)."
        else:
            # what an unknown error says may have what is not for every reader's eyes: the log has it
            reason = f"{source} could not be asked ({type(error).__name__}); the web server's log says why."
            log.warning("The dashboard could not ask %s.", source, exc_info=True)
    return {"available": False, "reason": reason if len(reason) <= _SHOWN else f"{reason[:_SHOWN]}…"}


@cache
def _threads(source: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix=f"dashboard {source}")


def _is_missing_connection(error: Exception) -> bool:
    return type(error).__name__ in ("AirflowNotFoundException", "AirflowRuntimeError") and "conn" in str(
        error
    )
