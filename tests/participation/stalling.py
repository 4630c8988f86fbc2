"""A proxy in front of the local AWS that withholds the answer to one call: the moment at which a test kills."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Stalling(ThreadingHTTPServer):
    """Passes every call on, and every answer back but one."""

    daemon_threads = True

    def __init__(self, upstream: str, operation: str, number: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream)
        self.operation, self.left = operation, number
        self.counting = threading.Lock()
        self.reached = threading.Event()
        """The call has been made and AWS has done it; who made it waits for the answer."""
        self.over = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def withholds(self, operation: str) -> bool:
        """Return whether this is the call whose answer is withheld."""
        with self.counting:
            self.left -= operation == self.operation
            return operation == self.operation and self.left == 0


@contextmanager
def stalling(upstream: str, step: str) -> Iterator[Stalling]:
    """Stand in front of `upstream` for a while. `step`: `operation:n`, the n-th such call is not answered."""
    operation, _, number = step.partition(":")
    with Stalling(upstream, operation, int(number)) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.over.set()
            proxy.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stalling

    def do_POST(self) -> None:
        """Pass a call on; all that the service makes are POST."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        upstream = HTTPConnection(self.server.upstream.netloc, timeout=60)
        try:
            upstream.request("POST", self.path, body=body, headers=headers)
            answer = upstream.getresponse()
            data = answer.read()
        finally:
            upstream.close()
        if self.server.withholds(self.headers.get("X-Amz-Target", "").rpartition(".")[2]):
            self.server.reached.set()
            self.server.over.wait()
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle(self) -> None:
        """Serve a connection; who is killed does not say goodbye."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""
