"""The replay server as an ASGI application: routes, faults, request counts.

Each source has a router in `routers`: `/v8/…` is Yahoo's (and the cookie and crumb paths), `/stable/…` is
Financial Modeling Prep's.
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

from devstack.replay.faults import REFUSALS, STATUSES, Faults, InvalidFault
from devstack.replay.fmp import FmpRouter
from devstack.replay.prices import Prices
from devstack.replay.reply import Question, Reply, Router, json_reply
from devstack.replay.yahoo import YahooRouter

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

SLOW_SECONDS = 2.0
NEVER_SECONDS = 300.0
_HTML = b"<!DOCTYPE html><html><body>Will be right back...</body></html>"
_CONSENT = (
    b'<html><form><input name="csrfToken" value="token"/><input name="sessionId" value="session"/>'
    b"</form></html>"
)


class ConnectionCut(Exception):
    """The connection is to be cut without an answer."""


@dataclass
class Replay:
    """The application; `create_app` makes it."""

    prices: Prices
    faults: Faults
    routers: tuple[Router, ...]
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
        for router in self.routers:
            if path.startswith(router.prefix):
                return await self._data(router, scope, receive)
        kind, reply = _session_reply(path)
        self.kinds[kind] += 1
        return reply

    async def _data(self, router: Router, scope: Scope, receive: Receive) -> Reply:
        asked = router.read(scope["path"], scope["query_string"], dict(scope["headers"]))
        if isinstance(asked, Reply):
            self.kinds["refused"] += 1
            return asked
        self.kinds[asked.endpoint] += 1
        self.symbols[asked.subject] += 1
        kind = self.faults.next_for(asked.subject, asked.endpoint)
        if kind is None:
            return router.answer(asked)
        if kind == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        elif kind == "timeout":
            await _wait_for_disconnect(receive)
            raise ConnectionCut
        elif kind == "reset":
            raise ConnectionCut
        return _faulty(router, asked, kind)

    async def _control(self, method: str, path: str, receive: Receive) -> Reply:
        route = (method, path)
        if route == ("POST", "/_faults"):
            return self._set_faults(await _body(receive))
        if route == ("GET", "/_faults"):
            return json_reply(self.faults.specs)
        if route == ("DELETE", "/_requests"):
            self.kinds.clear()
            self.symbols.clear()
            return json_reply({})
        if route == ("GET", "/_requests"):
            return json_reply({"kinds": self.kinds, "symbols": self.symbols})
        if route == ("GET", "/_health"):
            return json_reply({"source": self.prices.source, "symbols": len(self.prices.places)})
        return json_reply({"error": f"no route {method} {path}"}, 404)

    def _set_faults(self, body: bytes) -> Reply:
        try:
            specs = json.loads(body)
            if not isinstance(specs, list) or not all(isinstance(spec, str) for spec in specs):
                return json_reply({"error": "the body must be a JSON list of fault specs"}, 400)
            self.faults = Faults(specs)
        except (ValueError, InvalidFault) as error:
            return json_reply({"error": str(error)}, 400)
        return json_reply(self.faults.specs)


def create_app(
    prices: Prices, faults: Iterable[str] = (), *, latency_ms: float = 0, api_key: str | None = None
) -> Replay:
    """Return the ASGI application over recorded prices, with fault specs and a delay a request.

    `api_key`: the one that FMP's part wants; None: any.
    """
    routers = (YahooRouter(prices), FmpRouter(prices, api_key))
    return Replay(prices, Faults(faults), routers, latency_ms / 1000)


def _faulty(router: Router, asked: Question, kind: str) -> Reply:
    if kind in (*STATUSES, *REFUSALS):
        return router.refuse(kind)
    if kind == "malformed":
        return Reply(200, _HTML, "text/html")
    reply = router.answer(asked, kind)
    if kind == "truncated":
        return Reply(reply.status, reply.body[: len(reply.body) // 2])
    return reply


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
        return "other", json_reply({"timeseries": {"result": [{"meta": {}}], "error": None}})
    fault = {"code": "Not Found", "description": f"{path} is not replayed"}
    return "other", json_reply({"finance": {"result": None, "error": fault}}, 404)


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
