"""What the server must know of a statement's text: is it an INSERT that carries data, and in which format."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LEADING = re.compile(rb"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)+", re.DOTALL)
_INSERT = re.compile(rb"insert\s+into\b", re.IGNORECASE)
# Quoted strings and identifiers and comments are stepped over, so that a word inside them is no keyword.
_TOKEN = re.compile(
    rb"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"|--[^\n]*|/\*.*?\*/"
    rb"|(?P<word>\b(?:format|values|select|with|from)\b)",
    re.IGNORECASE | re.DOTALL,
)
_FORMAT_NAME = re.compile(rb"\s+([A-Za-z][A-Za-z0-9]*)[ \t]*(?:\r?\n|;|(?=\s)|$)?")
_TRAILING_FORMAT = re.compile(r"\bFORMAT\s+([A-Za-z][A-Za-z0-9]*)\s*;?\s*\Z", re.IGNORECASE)
HEAD_BYTES = 256 * 1024
"""An INSERT's text must end within this much of the body (ClickHouse's `max_query_size`)."""


@dataclass(frozen=True)
class InsertHead:
    """An INSERT whose data follows: its text up to FORMAT or VALUES, the format, the first data bytes."""

    sql: str
    format: str
    data: bytes


def insert_head(text: bytes) -> InsertHead | None:
    """Return the head of an INSERT with data, or None for any other statement (INSERT … SELECT too)."""
    leading = _LEADING.match(text)
    begin = leading.end() if leading else 0
    if not _INSERT.match(text, begin):
        return None
    for token in _TOKEN.finditer(text, begin):
        word = (token["word"] or b"").lower()
        if word in (b"select", b"with", b"from"):
            return None
        if word == b"values":
            return InsertHead(text[begin : token.start()].decode(), "Values", text[token.end() :])
        if word == b"format" and (name := _FORMAT_NAME.match(text, token.end())):
            data = text[name.end() :]
            return InsertHead(text[begin : token.start()].decode(), name[1].decode(), data)
    return None


def output_format(sql: str) -> str | None:
    """Return the format a query asks for in its own text, or None."""
    found = _TRAILING_FORMAT.search(sql)
    return found[1] if found else None
