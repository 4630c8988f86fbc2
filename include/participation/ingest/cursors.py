"""Where the next page of a user's requests begins, as text that only says so to us."""

from __future__ import annotations

import base64
import binascii
import re

_AFTER = re.compile(r"\d{13}#req-[0-9a-f]{32}")


def write_cursor(after: str | None) -> str | None:
    """Return the cursor of a place in the index; whose requests it is among, the token says, never the cursor."""
    return base64.urlsafe_b64encode(after.encode()).decode() if after else None


def read_cursor(cursor: str | None) -> str | None:
    """Return the place in the index; raise `ValueError` for what is no cursor of ours."""
    if cursor is None:
        return None
    try:
        after = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise ValueError("cursor: take it from nextCursor of an earlier page") from error
    if not _AFTER.fullmatch(after):
        raise ValueError("cursor: take it from nextCursor of an earlier page")
    return after
