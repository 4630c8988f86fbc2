"""What a router of the replay server reads from a request and what it answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

CODES = {
    "400": "Bad Request", "401": "Unauthorized", "402": "Payment Required", "403": "Forbidden",
    "404": "Not Found", "422": "Unprocessable Entity", "429": "Too Many Requests",
    "500": "Internal Server Error", "502": "Bad Gateway", "503": "Service Unavailable",
}  # fmt: skip


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Question(NamedTuple):
    """A request for data: it is counted, and a fault may meet it."""

    endpoint: str
    """What it is counted as, for instance `chart`."""
    subject: str
    """The symbol, or what else it is about."""
    query: dict[str, str]


class Router(Protocol):
    """One source's API."""

    prefix: str

    def read(self, path: str, query_string: bytes, headers: dict[bytes, bytes]) -> Question | Reply:
        """Return what is asked, or at once the answer to what is no question for data."""

    def answer(self, asked: Question, fault: str = "") -> Reply:
        """Return the answer, with a fault of content in it where one is given."""

    def refuse(self, kind: str) -> Reply:
        """Return the answer of a source that refuses: a status, or `delisted`."""


def json_reply(content: Any, status: int = 200) -> Reply:
    """Return content as compact JSON."""
    return Reply(status, json.dumps(content, separators=(",", ":")).encode())
