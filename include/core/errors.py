"""Every error of ours says by its type whether trying again can help.

`TransientError`: the same call may succeed later (retry it). `TerminalError`: it will not, until
somebody changes the input, the settings or the code. A message has the ids, the consequence and
the next step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime


class TapelineError(Exception):
    """Base of all our errors; never raised itself."""

    key: str | None = None
    """Key of the object that is at fault, where one is known: of many files only this one need be set aside."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        bases = (globals().get("TerminalError"), globals().get("TransientError"))
        if all(bases) and not issubclass(cls, bases):  # type: ignore[arg-type]
            raise TypeError(f"{cls.__name__} must inherit TerminalError or TransientError")


class TerminalError(TapelineError):
    """Trying again cannot help."""


class TransientError(TapelineError):
    """Trying again later may help."""


@contextmanager
def about_object(key: str) -> Iterator[None]:
    """Say in every error of ours that comes from within which object it is about, unless it says so already."""
    try:
        yield
    except TapelineError as error:
        error.key = error.key or key
        raise


# --- requests and settings ---------------------------------------------------------------------


class InvalidRequest(TerminalError):
    """A run was asked for with a malformed request; `faults` lists every fault, not the first."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        lines = "".join(f"\n  - {fault}" for fault in faults)
        super().__init__(
            f"The run's configuration has {len(faults)} fault(s); nothing was read or written:{lines}"
        )


class InvalidSettings(TerminalError):
    """The Variable `tapeline_settings` or a connection is missing or malformed."""


class CredentialsMissing(TerminalError):
    """A service refused us for want of a credential or a right."""


# --- market data source ------------------------------------------------------------------------


class SymbolNotFound(TerminalError):
    """The source does not know the symbol (404, or it was delisted)."""


class RequestRefused(TerminalError):
    """The source refused the request for good (400, 401, 403, 422)."""


class WrongAnswer(TerminalError):
    """The source answered for another symbol or in another currency than asked."""


class NotInPlan(TerminalError):
    """The source knows what was asked for but does not sell it with our plan (402)."""


class EmptyAnswer(TransientError):
    """The source answered with an empty list where there must be something."""


class MalformedAnswer(TransientError):
    """The source answered with something that cannot be parsed (HTML, cut JSON, no result)."""


class RateLimited(TransientError):
    """The source answered 429."""

    retry_after: float | None = None
    """Seconds after which the source wants to be asked again, where it said so."""


class SourceUnavailable(TransientError):
    """The source answered 5xx, timed out or cut the connection."""


class CircuitOpen(TransientError):
    """The source failed too often in a row; no request is made before `retry_at` (UTC)."""

    def __init__(self, source: str, retry_at: datetime) -> None:
        self.retry_at = retry_at
        super().__init__(
            f"{source} failed too often in a row, so no request is made before "
            f"{retry_at:%Y-%m-%d %H:%M:%S} UTC; one trial request is allowed then."
        )


# --- object store and lake ---------------------------------------------------------------------


class ObjectMissing(TerminalError):
    """An object that a manifest or message names is not in the bucket."""


class ObjectCorrupt(TerminalError):
    """An object's content cannot be read (not gzip, cut off, not JSON Lines, not Parquet)."""


class ObjectChanged(TransientError):
    """Somebody else wrote the object since we read it; read it again and redo the change."""


class ObjectStoreUnavailable(TransientError):
    """The object store did not answer, or answered 5xx."""


class ManifestMissing(TerminalError):
    """The manifest a transform was asked to read does not exist."""


class ManifestOutdated(TerminalError):
    """A manifest is older than the curated file made from it: RAW was set back."""


class SchemaMismatch(TerminalError):
    """A file's columns or types are not those of its table."""


class UnsupportedFormat(TerminalError):
    """A file is not of a format that can be loaded: empty, or not Parquet."""


class QualityBelowThreshold(TerminalError):
    """Too many rows failed data quality (`DQ_FAILED`); the good ones are not published either."""

    code = "DQ_FAILED"


class TooManyFailures(TerminalError):
    """More symbols failed than `max_failed_ratio` allows; raised after the manifest is written."""


# --- queues, tables, warehouse -----------------------------------------------------------------


class InvalidMessage(TerminalError):
    """A queue's message breaks its contract; `faults` lists every fault, not the first."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__(f"The message has {len(faults)} fault(s): {'; '.join(faults)}")


class ServiceUnavailable(TransientError):
    """An AWS service did not answer, throttled us or answered 5xx."""


class CallRefused(TerminalError):
    """An AWS service refused a call for good: a missing resource or a bad argument."""


class WarehouseTimeout(TransientError):
    """The warehouse did not answer in time (`E004`)."""

    code = "E004"


class WarehouseUnavailable(TransientError):
    """The warehouse refuses connections or is shutting down (`E005`)."""

    code = "E005"


class WarehouseOutOfMemory(TransientError):
    """The warehouse ran out of memory on a statement (`E006`)."""

    code = "E006"


class StatementFailed(TerminalError):
    """The warehouse or the database refused a statement: syntax, types, unknown table."""


class DatabaseUnavailable(TransientError):
    """PostgreSQL refuses connections, is shutting down, or dropped one; what was not committed is not there."""


class DatabaseConflict(TransientError):
    """PostgreSQL ended a transaction for another one's sake: a deadlock, or a lock that was not to be had."""


class ConstraintViolated(TerminalError):
    """A row breaks a rule of its table, or is there twice; the message names it."""


class MigrationFailed(TerminalError):
    """A migration of the fundamentals database failed; the database is as it was."""


class BackupFailed(TerminalError):
    """A backup was not made, or not restored; the database is as it was."""
