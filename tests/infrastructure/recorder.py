"""A proxy in front of the local AWS that keeps every request, for tests of who calls what."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

WAREHOUSE = "warehouse"
"""Who asks when ClickHouse reads S3 itself, whoever told it to."""
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Request:
    """One request as it went over the wire."""

    component: str
    method: str
    target: str
    """Path and query."""
    headers: dict[str, str] = field(repr=False)
    """By small letters."""
    body: bytes = field(repr=False)
    status: int = 0


class Recorder(ThreadingHTTPServer):
    """Passes everything on; `requests` has what was asked, under the name of who was at work."""

    daemon_threads = True

    def __init__(self, upstream: str, *, as_tls: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream)
        self.added = {"x-forwarded-proto": "https"} if as_tls else {}
        self.component = "nobody"
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def working(self, component: str) -> Iterator[None]:
        """Note requests under the component's name meanwhile; one component works at a time."""
        before, self.component = self.component, component
        try:
            yield
        finally:
            self.component = before


@contextmanager
def recording(upstream: str, *, as_tls: bool = False) -> Iterator[Recorder]:
    """Have a recorder in front of `upstream` for a while; `as_tls`: it says that it was called by TLS."""
    with Recorder(upstream, as_tls=as_tls) as recorder:
        thread = threading.Thread(target=recorder.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield recorder
        finally:
            recorder.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def setup(self) -> None:
        """Open a connection of this client's own to the local AWS."""
        super().setup()
        self.connection_up = HTTPConnection(self.server.upstream.netloc, timeout=60)

    def finish(self) -> None:
        """Close it."""
        self.connection_up.close()
        super().finish()

    def _pass_on(self) -> None:
        server_itself = "ClickHouse" in self.headers.get("User-Agent", "")
        component = WAREHOUSE if server_itself else self.server.component
        assert "chunked" not in self.headers.get("Transfer-Encoding", ""), "a body without a length"
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.connection_up.request(
            self.command,
            self.path,
            body=body or None,
            headers={name: value for name, value in headers.items() if name != "connection"}
            | self.server.added,
        )
        answer = self.connection_up.getresponse()
        data = answer.read()
        self.server.requests.append(Request(component, self.command, self.path, headers, body, answer.status))
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815 - the names that are looked up

    def log_message(self, *_: object) -> None:
        """Say nothing."""
