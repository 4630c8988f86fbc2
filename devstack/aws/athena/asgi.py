"""Answers Athena's query actions in the ASGI app; what they need of S3, Glue and work groups is asked by HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devstack.aws.athena.api import Athena

log = logging.getLogger("devstack.aws.athena")
Message = MutableMapping[str, Any]
_THREADS = 8
_TARGET = "AmazonAthena."
_ACTIONS = frozenset({
    "StartQueryExecution", "GetQueryExecution", "BatchGetQueryExecution", "GetQueryResults",
    "StopQueryExecution", "ListQueryExecutions", "GetQueryRuntimeStatistics",
})  # fmt: skip


class AthenaQueries:
    """The queries of this process; DuckDB and sqlglot are imported with the first."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._athena: Athena | None = None
        self._making = asyncio.Lock()
        # threads of its own: what they wait for is answered by the event loop and, there, maybe by its threads
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="athena-api")

    def takes(self, scope: Message) -> str | None:
        """Return the action that a request asks for if it is answered here."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return None
        for name, value in scope["headers"]:
            if name.lower() == b"x-amz-target":
                service, action = value.decode()[: len(_TARGET)], value.decode()[len(_TARGET) :]
                return action if service == _TARGET and action in _ACTIONS else None
        return None

    async def answer(
        self,
        action: str,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request as the AWS JSON 1.1 protocol has it."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        athena = await self._made()
        status, code, content = await self._in_thread(_handled, athena, action, body)
        headers = [
            (b"content-type", b"application/x-amz-json-1.1"),
            (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
        ]
        if code:
            headers.append((b"x-amzn-errortype", code.encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def stop(self) -> None:
        """End the queries that run."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._athena:
            self._athena.stop()

    async def _made(self) -> Athena:
        async with self._making:
            if self._athena is None:
                self._athena = await self._in_thread(_make, self._state)
            return self._athena


def _make(state: Path) -> Athena:
    from devstack.aws.athena.api import Athena
    from include.clients.aws import Aws

    endpoint = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
    objects = Path(os.environ["S3_DATA_DIR"]) / os.environ["MINISTACK_ACCOUNT_ID"]
    return Athena(Aws(os.environ["MINISTACK_REGION"], endpoint, "test", "test"), state, objects)


def _handled(athena: Athena, action: str, body: bytes) -> tuple[int, str, bytes]:
    """Return status, error code and body of the answer."""
    from devstack.aws.athena.errors import RequestRefused

    try:
        return 200, "", json.dumps(athena.handle(action, json.loads(body or b"{}"))).encode()
    except RequestRefused as error:
        status, code, message = 400, error.code, str(error)
    except Exception as error:
        log.exception("%s", action)
        status, code, message = 500, "InternalServerException", f"{type(error).__name__}: {error}"
    return status, code, json.dumps({"__type": code, "message": message, "Message": message}).encode()
