"""What becomes of a symbol whose answer is an error: asked again, counted as failed, or the end of the whole job."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from include.core.errors import CredentialsMissing, TapelineError, TransientError
from include.fundamentals.run import NAMED, ChunkResult, JobRun, SymbolsLeft

log = logging.getLogger(__name__)
ENDS_ALL = (CredentialsMissing,)
"""Errors that no other symbol would escape."""
GIVE_UP_AFTER = 10
"""Symbols that failed one after the other in a way that may pass: the source is away, the others are not asked."""
T = TypeVar("T")


class Outcomes:
    """The symbols of one chunk: those answered, those failed, those to be asked again."""

    def __init__(self) -> None:
        self.failures: dict[str, str] = {}
        self.again: dict[str, str] = {}
        self._in_a_row = 0

    def ask_each(self, symbols: Iterable[str], ask: Callable[[str], T]) -> Iterable[tuple[str, T]]:
        """Yield each symbol with its answer; keep the errors of the others by name.

        Raises what ends the job for every symbol: a key that is refused.
        """
        for symbol in symbols:
            if self._in_a_row >= GIVE_UP_AFTER:
                self.again[symbol] = "NotAsked"
                continue
            try:
                answer = ask(symbol)
            except ENDS_ALL:
                raise
            except TransientError as error:
                self._in_a_row += 1
                self.again[symbol] = type(error).__name__
                log.warning("%s: %s: %s", symbol, type(error).__name__, error)
            except TapelineError as error:
                self._in_a_row = 0
                self.failures[symbol] = type(error).__name__
                log.warning("%s: %s: %s", symbol, type(error).__name__, error)
            else:
                self._in_a_row = 0
                yield symbol, answer

    def settle(self, run: JobRun, result: ChunkResult) -> ChunkResult:
        """Return the result with the symbols that failed; raise `SymbolsLeft` where another attempt follows."""
        if self.again and not run.last_attempt:
            names = ", ".join(f"{symbol} ({error})" for symbol, error in list(self.again.items())[:NAMED])
            raise SymbolsLeft(
                f"{run.job.name}: {len(self.again)} symbol(s) failed in a way that may pass: {names}. What was "
                "answered is written; the next attempt asks only for the others."
            )
        failed = {**self.failures, **self.again}
        return result.model_copy(
            update={"failed_symbols": len(failed), "failures": dict(list(failed.items())[:NAMED])}
        )
