"""What may go wrong, in Athena's words: a request that is refused, a query that fails or is cancelled."""

from __future__ import annotations

from typing import Any


class RequestRefused(Exception):
    """The call itself is answered with an error."""

    def __init__(self, message: str, code: str = "InvalidRequestException") -> None:
        super().__init__(message)
        self.code = code


class QueryFailed(Exception):
    """The query ends FAILED with this reason."""

    category = 2
    """Of Athena's: 1 system, 2 user, 3 other."""


class QueryCancelled(Exception):
    """The query ends CANCELLED with this reason."""


def unsupported(what: str) -> QueryFailed:
    """Return the failure for what Athena can do and the local one cannot (ADR 0019)."""
    return QueryFailed(f"NOT_SUPPORTED: the local Athena has no {what}")


def at(node: Any, sql: str) -> str:
    """Return `line 1:8: ` for where the tree's node begins in the query, or nothing where it is unknown."""
    starts = [each.meta["start"] for each in node.find_all(_identifier()) if "start" in each.meta]
    if "start" in node.meta:
        starts.append(node.meta["start"])
    return position(sql, min(starts)) if starts else ""


def position(sql: str, start: int) -> str:
    """Return `line 1:8: ` for a character of the query."""
    before = sql[:start]
    return f"line {before.count(chr(10)) + 1}:{start - before.rfind(chr(10))}: "


def _identifier() -> Any:
    from sqlglot import exp

    return exp.Identifier
