"""ClickHouse's errors as its HTTP interface tells them: a status, a code header and one line of text."""

from __future__ import annotations

import re

_CODE = re.compile(r"Code:\s*(\d+)\.")
_STATUS = {
    # as in ClickHouse's exceptionCodeToHTTPStatus
    **dict.fromkeys((6, 26, 27, 32, 36, 38, 41, 44, 50, 53, 62, 70, 72, 117, 131, 321, 469), 400),
    **dict.fromkeys((16, 46, 47, 60, 81, 115), 404),
    **dict.fromkeys((192, 193, 194, 497, 516), 403),
    159: 408,
    229: 413,
    48: 501,
    202: 503,
    209: 503,
    210: 503,
    439: 503,
}
READONLY, NOT_IMPLEMENTED, TOO_MANY_QUERIES, BAD_REQUEST, AUTHENTICATION_FAILED = 164, 48, 202, 36, 516


class QueryFailed(Exception):
    """A statement that ClickHouse, or this server, refused."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text if _CODE.search(text) else f"Code: {code}. DB::Exception: {text}"
        super().__init__(self.text)

    @property
    def status(self) -> int:
        """The HTTP status ClickHouse gives to this code."""
        return _STATUS.get(self.code, 500)


def query_failed(error: BaseException) -> QueryFailed:
    """Return chDB's error with its code read from the text; text without the engine's prefixes."""
    text = str(error)
    found = _CODE.search(text)
    return QueryFailed(int(found[1]) if found else 1002, text[found.start() :] if found else text)
