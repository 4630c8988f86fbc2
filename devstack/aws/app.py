"""The ASGI app in front of MiniStack: everything is MiniStack's, and its state is saved as it changes.

Beside it run the checkpoints, the evaluator of alarms with the metrics of queues, Firehose's deliveries to S3, and
the queries of Athena.

Services that MiniStack answers wrongly are taken over here, by the `X-Amz-Target` header, as they come.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from devstack.aws import event_targets
from devstack.aws.alarms.evaluator import Evaluator
from devstack.aws.athena.asgi import AthenaQueries
from devstack.aws.checkpoint import Checkpoints
from devstack.aws.firehose import api
from devstack.aws.firehose.control import PATH as FLUSH
from devstack.aws.firehose.delivery import Deliveries

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]


def ministack_app() -> AsgiApp:
    """Return MiniStack's app; its environment must be set before (it reads it on import)."""
    from ministack.app import app

    return app


class LocalAws:
    """Passes everything on, notes what may have changed the state, and runs what works beside it."""

    def __init__(self, inner: AsgiApp, state: Path) -> None:
        self._inner = inner
        self._checkpoints = Checkpoints()
        self._alarms = Evaluator(self._checkpoints.note_change)
        self._deliveries = Deliveries(state / "firehose")
        api.take_over(self._deliveries)
        event_targets.take_over(self._deliveries)
        self._queries = AthenaQueries(state / "athena")
        self._beside: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if scope.get("path") == FLUSH and scope.get("method") == "POST":
            await _answer(send, {"objects": await self._deliveries.flush()})
            return
        if action := self._queries.takes(scope):
            await self._queries.answer(action, receive, send)
            return
        try:
            await self._inner(scope, receive, send)
        finally:
            if scope.get("method") not in ("GET", "HEAD"):
                self._checkpoints.note_change()

    async def _lifespan(self, scope: Message, receive: Receive, send: Send) -> None:
        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._queries.stop()
                for task in self._beside:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
            return message

        async def sending(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                self._beside = [
                    asyncio.create_task(self._checkpoints.run()),
                    asyncio.create_task(self._alarms.run()),
                    asyncio.create_task(self._deliveries.run()),
                ]

        await self._inner(scope, receiving, sending)


async def _answer(send: Send, content: dict[str, Any]) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})
