"""ClickHouse's HTTP interface over the engine: enough for curl, clickhouse-connect and any HTTP client."""

from __future__ import annotations

import base64
import binascii
import hmac
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import parse_qsl, urlsplit

from devstack.warehouse.body import body_pieces
from devstack.warehouse.engine import Engine, EngineLimits, WarehouseNotStarted
from devstack.warehouse.errors import (
    AUTHENTICATION_FAILED,
    TOO_MANY_QUERIES,
    QueryFailed,
)
from devstack.warehouse.form import form_params
from devstack.warehouse.query import Request, run
from devstack.warehouse.response import write_answer

_BODY_LIMIT = 64 << 30
_DRAIN_LIMIT = 256 << 20
_LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}


@dataclass(frozen=True)
class Credentials:
    """The one user that is let in; no password: everybody on loopback is."""

    user: str = "default"
    password: str = field(default="", repr=False)

    def accept(self, user: str, password: str) -> bool:
        """Say whether a request may pass, in constant time."""
        if not self.password:
            return True
        return hmac.compare_digest(f"{user}\0{password}".encode(), f"{self.user}\0{self.password}".encode())


class WarehouseServer(ThreadingHTTPServer):
    """Listens on loopback and hands each request to the engine."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, engine: Engine, port: int, credentials: Credentials, host: str = "127.0.0.1") -> None:
        self.engine = engine
        self.credentials = credentials
        self.slots = threading.BoundedSemaphore(engine.limits.concurrent_queries)
        self.hosts = _LOOPBACK | {host}
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise WarehouseNotStarted(
                f"Port {port} on {host} cannot be used: {error.strerror or error}. Stop what listens there or "
                "give another --port."
            ) from error

    @property
    def port(self) -> int:
        """The port that is listened on (useful where 0 was asked for)."""
        return self.server_address[1]

    def finish(self, seconds: float = 15.0) -> None:
        """Wait for running requests, at most `seconds` each, then close the engine."""
        self.server_close()
        for _ in range(self.engine.limits.concurrent_queries):
            self.slots.acquire(timeout=seconds)
        self.engine.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "TapelineWarehouse"
    sys_version = ""
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    timeout = 900
    server: WarehouseServer

    def do_GET(self) -> None:
        """Answer /ping, and queries, read-only as in ClickHouse."""
        self._answer(readonly=True)

    def do_POST(self) -> None:
        """Answer queries and INSERTs."""
        self._answer(readonly=False)

    def _answer(self, *, readonly: bool) -> None:
        url = urlsplit(self.path)
        query_id = str(uuid.uuid4())
        pieces = body_pieces(cast("BinaryIO", self.rfile), self.headers, limit=_BODY_LIMIT)
        try:
            if url.path == "/ping":
                self._text(200, "Ok.\n")
                return
            if url.path not in ("", "/"):
                self._text(404, f"There is no handle {url.path}\n")
                return
            params = dict(parse_qsl(url.query, keep_blank_values=True))
            self._check_host()
            self._check_user(params)
            if readonly and "query" not in params:
                self._text(200, "Ok.\n")
                return
            params |= form_params(self.headers, pieces) or {}
            request = Request.of(params, self.headers, pieces, readonly=readonly)
            self._run(request, params.get("query_id", query_id))
        except QueryFailed as failure:
            self._failed(failure, pieces)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _run(self, request: Request, query_id: str) -> None:
        if not self.server.slots.acquire(timeout=10):
            limit = self.server.engine.limits.concurrent_queries
            raise QueryFailed(
                TOO_MANY_QUERIES, f"More than {limit} queries at once. (TOO_MANY_SIMULTANEOUS_QUERIES)"
            )
        try:
            with run(self.server.engine, request) as answer:
                write_answer(self, answer, query_id)
        finally:
            self.server.slots.release()

    def _check_host(self) -> None:
        """Refuse a web page's requests: a foreign name that was bound to 127.0.0.1, or a foreign origin."""
        for header in ("Host", "Origin"):
            value = self.headers.get(header)
            if value is None:
                continue
            name = urlsplit(value if "//" in value else f"//{value}").hostname
            if name not in self.server.hosts:
                raise QueryFailed(497, f"{header} {value!r} is not this machine. (ACCESS_DENIED)")

    def _check_user(self, params: dict[str, str]) -> None:
        user = self.headers.get("X-ClickHouse-User") or params.pop("user", None)
        password = self.headers.get("X-ClickHouse-Key") or params.pop("password", None)
        authorization = self.headers.get("Authorization", "")
        if authorization.lower().startswith("basic "):
            try:
                user, _, password = base64.b64decode(authorization[6:]).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                user, password = None, None
        if not self.server.credentials.accept(user or "default", password or ""):
            raise QueryFailed(
                AUTHENTICATION_FAILED,
                f"{user or 'default'}: Authentication failed: password is incorrect, or there is no user with "
                "such name. (AUTHENTICATION_FAILED)",
            )

    def _failed(self, failure: QueryFailed, pieces: Iterator[bytes]) -> None:
        """Send the error; first take what the client still sends, else it never reads our answer."""
        self.close_connection = True
        try:
            taken = 0
            for piece in pieces:
                taken += len(piece)
                if taken > _DRAIN_LIMIT:
                    break
        except (QueryFailed, ConnectionError, ValueError):
            pass
        self._text(failure.status, failure.text.rstrip("\n") + "\n", code=failure.code)

    def _text(self, status: int, text: str, *, code: int | None = None) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        if code is not None:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing a request: paths hold statements and may hold passwords."""


def serve(
    data: Path,
    port: int,
    *,
    limits: EngineLimits | None = None,
    credentials: Credentials | None = None,
    host: str = "127.0.0.1",
) -> WarehouseServer:
    """Return a server that is listening and owns `data`; call `serve_forever`, `shutdown`, `finish`.

    Raises `WarehouseNotStarted` where the port is taken or the folder cannot be used.
    """
    engine = Engine(data, limits)
    try:
        return WarehouseServer(engine, port, credentials or Credentials(), host)
    except WarehouseNotStarted:
        engine.close()
        raise
