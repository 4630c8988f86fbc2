"""PostgreSQL's error codes as our errors."""

from __future__ import annotations

import psycopg

from include.core.errors import (
    ConstraintViolated,
    CredentialsMissing,
    DatabaseConflict,
    DatabaseUnavailable,
    SchemaMismatch,
    StatementFailed,
    TapelineError,
)

_KINDS: list[tuple[tuple[str, ...], type[TapelineError], str]] = [
    (("40001", "40P01", "55P03"), DatabaseConflict, "nothing was written; it is tried again"),
    # connections, resources, cancelled or shut down, the machine under it
    (
        ("08", "53", "57", "58"),
        DatabaseUnavailable,
        "nothing was written that was not committed; it is tried again",
    ),
    (("23",), ConstraintViolated, "nothing of this transaction was written"),
    (("28", "42501"), CredentialsMissing, "correct the connection's login or its rights"),
    (("22", "42703", "42804", "42P01"), SchemaMismatch, "nothing of this transaction was written"),
]
_LOGIN = ("password authentication failed", "no password supplied", "no pg_hba.conf entry", "role ")


def database_error(error: Exception, where: object) -> TapelineError:
    """Return our error for one of psycopg; its text has no password, since libpq's has none."""
    text = " ".join(str(error).split())[:600] or type(error).__name__
    code = getattr(error, "sqlstate", None) or ""
    for codes, kind, consequence in _KINDS:
        if code.startswith(codes):
            return kind(f"PostgreSQL at {where}: {_with_detail(error, text)}: {consequence}.")
    if code or not isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        return StatementFailed(f"PostgreSQL at {where} refused a statement: {text}")
    if any(sign in text for sign in _LOGIN):
        return CredentialsMissing(f"PostgreSQL at {where}: {text}: correct the connection's login.")
    if "does not exist" in text:
        return StatementFailed(f"PostgreSQL at {where}: {text}: create the database, then `migrate`.")
    return DatabaseUnavailable(
        f"PostgreSQL at {where}: {text}: nothing was written that was not committed; it is tried again."
    )


def _with_detail(error: Exception, text: str) -> str:
    """Return the text with the row that PostgreSQL names in its detail, and where a COPY stood."""
    if not isinstance(error, psycopg.Error):
        return text
    parts = [
        part.strip() for part in (error.diag.message_detail, error.diag.context) if part and part not in text
    ]
    return " ".join([text, *parts])[:900]
