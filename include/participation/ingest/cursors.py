"""Where the next page of a user's requests begins, as text; whose requests they are, the token says, never it."""

from __future__ import annotations

CURSOR = r"^[0-9]{13}\.req-[0-9a-f]{32}$"
"""A place in the index. The document has the pattern, so that a client sees what is no cursor before it asks."""


def write_cursor(after: str | None) -> str | None:
    """Return the cursor of a place in the index."""
    return after.replace("#", ".") if after else None


def read_cursor(cursor: str | None) -> str | None:
    """Return the place in the index of a cursor that has the pattern."""
    return cursor.replace(".", "#") if cursor else None
