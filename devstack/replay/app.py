"""The replay server as an ASGI application: routes, faults, request counts.

`/v8/…` and the cookie and crumb paths are Yahoo's; another source gets a router of its own in `routers`.
`GET /_requests` counts, `DELETE /_requests` forgets, `POST /_faults` (a JSON list of specs) replaces the
faults and starts counting attempts again.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from devstack.replay.corrupt import corrupted
from devstack.replay.faults import STATUSES, Faults, InvalidFault
from devstack.replay.prices import Prices
from devstack.replay.yahoo import DELISTED, ChartError, chart

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

CHART = "/v8/finance/chart/"
SLOW_SECONDS = 2.0
NEVER_SECONDS = 300.0
_HTML = b"<!DOCTYPE html><html><body>Will be right back...</body></html>"
_CONSENT = (
    b'<html><form><input name="csrfToken" value="token"/><input name="sessionId" value="session"/>'
    b"</form></html>"
)
_CODES = {
    "400": "Bad Request", "401": "Unauthorized", "403": "Forbidden", "422": "Unprocessable Entity",
    "429": "Too Many Requests", "500": "Internal Server Error", "502": "Bad Gateway",
    "503": "Service Unavailable",
}  # fmt: skip


class ConnectionCut(Exception):
    """The connection is to be cut without an answer."""


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass
class Replay:
    """The application; `create_app` makes it."""

    prices: Prices
    faults: Faults
    latency_seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    symbols: Counter[str] = field(default_factory=Counter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        try:
            reply = await self._reply(scope, receive)
        except ConnectionCut:
            _abort(send)
            return
        headers = [
            (b"content-type", reply.content_type.encode()),
            (b"content-length", str(len(reply.body)).encode()),
            *reply.headers,
        ]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        path = scope["path"]
        if path.startswith("/_"):
            return await self._control(scope["method"], path, receive)
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        if path.startswith(CHART):
            return await self._chart(path, scope["query_string"], receive)
        kind, reply = _session_reply(path)
        self.kinds[kind] += 1
        return reply

    async def _chart(self, path: str, query_string: bytes, receive: Receive) -> Reply:
        symbol = unquote(path[len(CHART) :]).upper()
        self.kinds["chart"] += 1
        self.symbols[symbol] += 1
        kind = self.faults.next_for(symbol)
        if kind is None:
            return self._answer(symbol, query_string)
        if kind == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        elif kind == "timeout":
            await _wait_for_disconnect(receive)
            raise ConnectionCut
        elif kind == "reset":
            raise ConnectionCut
        return self._faulty(symbol, query_string, kind)

    def _faulty(self, symbol: str, query_string: bytes, kind: str) -> Reply:
        if kind in STATUSES:
            return _json(ChartError(int(kind), _CODES[kind], f"{_CODES[kind]} (injected)").body, int(kind))
        if kind == "delisted":
            return _json(DELISTED.body, DELISTED.status)
        if kind == "malformed":
            return Reply(200, _HTML, "text/html")
        reply = self._answer(symbol, query_string, kind)
        if kind == "truncated":
            return Reply(reply.status, reply.body[: len(reply.body) // 2])
        return reply

    def _answer(self, symbol: str, query_string: bytes, kind: str = "") -> Reply:
        try:
            found = chart(self.prices, symbol, dict(parse_qsl(query_string.decode("latin-1"))))
        except ChartError as error:
            return _json(error.body, error.status)
        return _json(corrupted(found, kind))

    async def _control(self, method: str, path: str, receive: Receive) -> Reply:
        route = (method, path)
        if route == ("POST", "/_faults"):
            return self._set_faults(await _body(receive))
        if route == ("GET", "/_faults"):
            return _json(self.faults.specs)
        if route == ("DELETE", "/_requests"):
            self.kinds.clear()
            self.symbols.clear()
            return _json({})
        if route == ("GET", "/_requests"):
            return _json({"kinds": self.kinds, "symbols": self.symbols})
        if route == ("GET", "/_health"):
            return _json({"source": self.prices.source, "symbols": len(self.prices.places)})
        return _json({"error": f"no route {method} {path}"}, 404)

    def _set_faults(self, body: bytes) -> Reply:
        try:
            specs = json.loads(body)
            if not isinstance(specs, list) or not all(isinstance(spec, str) for spec in specs):
                return _json({"error": "the body must be a JSON list of fault specs"}, 400)
            self.faults = Faults(specs)
        except (ValueError, InvalidFault) as error:
            return _json({"error": str(error)}, 400)
        return _json(self.faults.specs)


def create_app(prices: Prices, faults: Iterable[str] = (), *, latency_ms: float = 0) -> Replay:
    """Return the ASGI application over recorded prices, with fault specs and a delay a request."""
    return Replay(prices, Faults(faults), latency_ms / 1000)


def _session_reply(path: str) -> tuple[str, Reply]:
    """Return (kind, answer) of a path that sets up a session: cookie, crumb, consent."""
    if path == "/v1/test/getcrumb":
        return "crumb", Reply(200, b"replayCrumb", "text/plain")
    if path in ("/consent", "/v2/collectConsent", "/copyConsent"):
        return "consent", Reply(200, _CONSENT, "text/html")
    if path == "/":
        cookie = b"A3=replay; Path=/; Max-Age=31536000; HttpOnly"
        return "cookie", Reply(404, b"", "text/html", ((b"set-cookie", cookie),))
    if path.startswith("/ws/fundamentals-timeseries/"):
        return "other", _json({"timeseries": {"result": [{"meta": {}}], "error": None}})
    fault = {"code": "Not Found", "description": f"{path} is not replayed"}
    return "other", _json({"finance": {"result": None, "error": fault}}, 404)


def _json(content: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(content, separators=(",", ":")).encode())


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _wait_for_disconnect(receive: Receive) -> None:
    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), NEVER_SECONDS)
    except asyncio.TimeoutError:
        return


def _abort(send: Send) -> None:
    """Cut the connection at once. ASGI has no word for it, so this asks uvicorn's request cycle."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionCut("this server cannot cut a connection; run the replay under uvicorn")
    transport.abort()
