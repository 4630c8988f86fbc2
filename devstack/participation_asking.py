"""Users of a simulated contest: they ask over HTTP, and at chosen moments something breaks."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from devstack.participation_faults import SimulationFailed
from devstack.ports import LOOPBACK

ISSUER, AUDIENCE = "tapeline-simulate", "participation"
CLIENTS = 8
Wanted = tuple[str, str]
"""A user, and the event that the user wants a place of."""


class Asking:
    """All users; what is planned happens as soon as so many have asked, and meanwhile nobody asks."""

    def __init__(self, port: int, key: str, *, twice_every: int) -> None:
        """`twice_every`: each n-th asks twice; 0: none."""
        self.done = self.twice = 0
        self.seconds: list[float] = []
        """How long each POST took."""
        self._port, self._key, self._twice_every = port, key, twice_every
        self._plan: dict[int, Callable[[], object]] = {}
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._open.set()

    def plan(self, after: int, act: Callable[[], object]) -> None:
        """Let `act` happen once `after` users have asked, or the next free number of users."""
        while after in self._plan:
            after += 1
        self._plan[after] = act

    def ask_all(self, wanted: Sequence[Wanted]) -> dict[str, str]:
        """Let all ask, some at once; return the event of each request's id."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            return dict(pool.map(self.ask, wanted))

    def ask(self, one: Wanted) -> tuple[str, str]:
        """Ask for a place as a user; return the request's id and its event."""
        self._open.wait()
        with self._lock:
            number = self.done
            self.done += 1
        user, event = one
        twice = self._twice_every and number % self._twice_every == 0
        found = {self._post(user, event) for _ in range(2 if twice else 1)}
        if len(found) > 1:
            raise SimulationFailed(f"{user} asked twice for {event} and has the requests {sorted(found)}.")
        self.twice += bool(twice)
        if act := self._plan.get(number + 1):
            self._open.clear()
            try:
                act()
            finally:
                self._open.set()
        return found.pop(), event

    def _post(self, user: str, event: str) -> str:
        import jwt

        claims = {"sub": user, "iss": ISSUER, "aud": AUDIENCE, "exp": time.time() + 600}
        headers = {"Authorization": f"Bearer {jwt.encode(claims, self._key)}"}
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=60)
        connection: http.client.HTTPConnection = self._local.connection
        begun = time.monotonic()
        connection.request("POST", f"/events/{event}/participations", headers=headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        if answer.status != 202:
            raise SimulationFailed(f"A request was answered {answer.status}: {body}")
        self.seconds.append(time.monotonic() - begun)
        return str(body["requestId"])
