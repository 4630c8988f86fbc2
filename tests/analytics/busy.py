"""An Athena that is busy, or whose queries somebody stops: a proxy in front of the local one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

ALWAYS = 1_000
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass
class Busy:
    """What becomes of the next queries."""

    upstream: str
    url: str = ""
    throttled: int = 0
    """So many starts are refused from now on."""
    stopped: dict[str, int] = field(default_factory=dict)
    """So many queries are stopped, by a text that is in them alone."""
    starts: int = 0
    """Starts that were asked for."""

    def answer(self, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer to a call."""
        if not target.endswith(".StartQueryExecution"):
            return self.call(target, headers, body)
        self.starts += 1
        if self.throttled:
            self.throttled -= 1
            said = {"__type": "TooManyRequestsException", "Message": "Rate exceeded", "Reason": "CONCURRENT_QUERY_LIMIT_EXCEEDED"}  # fmt: skip
            return 400, json.dumps(said).encode()
        for text, left in self.stopped.items():
            if left and text in json.loads(body)["QueryString"]:
                self.stopped[text] -= 1
                return self._start_and_stop(headers, json.loads(body))
        return self.call(target, headers, body)

    def call(self, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Ask the local Athena."""
        connection = HTTPConnection(urlsplit(self.upstream).netloc, timeout=60)
        try:
            connection.request("POST", "/", body=body, headers=headers | {"X-Amz-Target": target})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _start_and_stop(self, headers: dict[str, str], asked: dict[str, Any]) -> tuple[int, bytes]:
        """Start the query and stop it, again where it was over before."""
        asked.pop("ClientRequestToken", None)
        while True:
            answer = self.call("AmazonAthena.StartQueryExecution", headers, json.dumps(asked).encode())
            query = {"QueryExecutionId": json.loads(answer[1])["QueryExecutionId"]}
            self.call("AmazonAthena.StopQueryExecution", headers, json.dumps(query).encode())
            _, said = self.call("AmazonAthena.GetQueryExecution", headers, json.dumps(query).encode())
            if json.loads(said)["QueryExecution"]["Status"]["State"] == "CANCELLED":
                return answer


@contextmanager
def busy_athena(upstream: str) -> Iterator[Busy]:
    """Stand in front of the local Athena for a while."""
    busy = Busy(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            target = headers.pop("X-Amz-Target", "")
            status, data = busy.answer(target, headers, body)
            self.send_response_only(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        busy.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield busy
        finally:
            server.shutdown()
            thread.join()
