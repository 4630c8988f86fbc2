"""Faults of a simulated contest: which there are, and an EventBridge that breaks for a while."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from devstack.ports import LOOPBACK
from include.core.errors import TerminalError
from include.participation.parts import PUBLISH_ATTEMPTS

SHARE = 25
"""Percent of the events that may be lost at most: so many are asked for between the break and the end of it."""
_WORDS = {
    "worker-crash": ("worker_crashes", None, 20),
    "duplicates": ("duplicates", 10, 1_000_000),
    "events-broken": ("events_broken", 10, SHARE),
    "redrive": ("redrive", 10, 1_000),
}
"""Word → field, its value where the word stands alone, the greatest value."""
_REFUSAL = json.dumps({"__type": "InternalFailure", "message": "broken by the simulation"}).encode()


class SimulationFailed(TerminalError):
    """The simulation was asked for what there is not, or the service did not come up or finish in time."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong in a contest; 0: nothing of the kind."""

    worker_crashes: int = 0
    """Workers that are killed while they work; another one is started for each."""
    duplicates: int = 0
    """Each n-th request is asked for twice."""
    events_broken: int = 0
    """Percent of the events that are lost at least: EventBridge is broken until then."""
    redrive: int = 0
    """Requests whose messages become dead letters and are sent back."""


def read_faults(text: str) -> Faults:
    """Return what `worker-crash=2,duplicates,…` asks for; empty text asks for none."""
    given: dict[str, int] = {}
    for one in filter(None, text.replace(" ", "").split(",")):
        word, _, number = one.partition("=")
        field, alone, greatest = _WORDS.get(word, ("", None, 0))
        value = int(number) if number.isdecimal() else alone if "=" not in one else None
        if not field or value is None or not 0 <= value <= greatest:
            raise SimulationFailed(
                f"{one!r} is no fault of a simulation; there are {', '.join(_WORDS)}, each with =N."
            )
        given[field] = value
    return Faults(**given)


class Breakable:
    """Stands between workers and EventBridge: passes calls on, and answers 500 to all while it is broken.

    A call that was refused as often as a worker asks is one whose events are lost; it heals when enough are.
    """

    def __init__(self, target: str) -> None:
        """`target`: URL of the EventBridge behind it."""
        self.healed = threading.Event()
        self.lost: set[str] = set()
        """Ids of requests whose event was given up."""
        self._target = urlsplit(target)
        self._wanted = 0
        self._refused: Counter[bytes] = Counter()
        self._lock = threading.Lock()
        self._local = threading.local()

    def break_until_lost(self, count: int) -> None:
        """Refuse every call from now on until the events of `count` requests are lost."""
        with self._lock:
            self._wanted = count

    def refuses(self, body: bytes) -> bool:
        """Return whether the call fails."""
        with self._lock:
            if len(self.lost) >= self._wanted:
                return False
            self._refused[body] += 1
            if self._refused[body] == PUBLISH_ATTEMPTS:
                details = (json.loads(entry["Detail"]) for entry in json.loads(body)["Entries"])
                self.lost.update(detail["requestId"] for detail in details)
                if len(self.lost) >= self._wanted:
                    self.healed.set()
            return True

    def pass_on(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Return what the real one answers: status, headers, body."""
        connection = self._connection()
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()  # a worker asks again
            return 503, {}, b"{}"

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection(
                str(self._target.hostname), self._target.port, timeout=60
            )
        found: http.client.HTTPConnection = self._local.connection
        return found


@contextmanager
def breakable_events(target: str) -> Iterator[tuple[Breakable, str]]:
    """Run a breakable EventBridge on loopback; yield it with its URL."""
    breakable = Breakable(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            refused = breakable.refuses(body)
            status, headers, answer = (
                (500, {}, _REFUSAL) if refused else breakable.pass_on(self.path, dict(self.headers), body)
            )
            self.send_response(status)
            self.send_header("Content-Type", headers.get("Content-Type", "application/x-amz-json-1.1"))
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: a worker was killed in the middle of a call."""

    server = Server((LOOPBACK, 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    try:
        yield breakable, f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
