"""No request may send more than the service is ready to read."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.participation.ingest.problems import problem

BODY_BYTES = 4096


class BodyLimit:
    """ASGI middleware: reads a body of up to `BODY_BYTES`, however it is sent; answers 413 to more."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body read, or answer it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        said = dict(scope["headers"]).get(b"content-length", b"0")
        body = None if not said.isdigit() or int(said) > BODY_BYTES else await _read(receive)
        if body is None:
            answer = problem(413, f"The body has more than {BODY_BYTES} bytes.", {"Connection": "close"})
            await answer(scope, receive, send)
            return
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)


async def _read(receive: Receive) -> bytes | None:
    """Return the body, or None as soon as it is too long."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return body
