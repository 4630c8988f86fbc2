"""A simulated contest on the real participation service: its API and workers as processes of their own."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from devstack.home import REPO
from devstack.ports import free_port
from include.clients.aws import Aws
from include.core.errors import TerminalError
from include.participation.capacity import Capacity
from include.participation.requests import Requests
from include.participation.table import Table

ISSUER, AUDIENCE = "tapeline-simulate", "participation"
CLIENTS, WORKERS = 8, 2
DUPLICATES = 10
"""Each n-th request is asked for twice."""


class SimulationFailed(TerminalError):
    """The service did not come up, or did not finish in time."""


@dataclass
class Contest:
    """What a simulation found."""

    requests: int = 0
    duplicates: int = 0
    crashes: int = 0
    states: dict[str, Counter[str]] = field(default_factory=dict)
    """Final states by event."""
    remaining: dict[str, int] = field(default_factory=dict)
    """Places that are left, by event."""
    post_seconds: list[float] = field(default_factory=list)
    process_seconds: float = 0

    def lines(self) -> list[str]:
        """Return the findings as text."""
        times = sorted(self.post_seconds)
        p50, p99 = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
        rate = self.requests / self.process_seconds
        head = f"{self.requests} requests, {self.duplicates} asked twice, {self.crashes} workers killed"
        speed = f"POST p50 {p50:.0f} ms, p99 {p99:.0f} ms; {rate:.0f} requests/s from the first POST to the last state"
        events = [
            f"{event}: {dict(sorted(states.items()))}, {self.remaining[event]} places left"
            for event, states in self.states.items()
        ]
        return [head, speed, *events]


def read_faults(text: str) -> int:
    """Return how many workers `worker-crash=N` asks to be killed; empty text asks for none."""
    name, _, number = text.partition("=")
    if text and (name != "worker-crash" or not number.isdigit()):
        raise SimulationFailed(f"{text!r} is no fault of a simulation; there is worker-crash=N.")
    return int(number or 0)


def simulate(
    aws: Aws,
    *,
    environment: str,
    requests_table: str,
    users: int,
    events: int,
    capacity: int,
    crashes: int = 0,
) -> Contest:
    """Let every user ask for a place of every event; return what became of it, once all of it is final."""
    key, port, run = secrets.token_urlsafe(48), free_port(), uuid.uuid4().hex[:8]
    told = _variables(aws, environment, requests_table) | {
        "PARTICIPATION_JWT_KEY": key, "PARTICIPATION_JWT_ALGORITHM": "HS256", "PARTICIPATION_JWT_ISSUER": ISSUER,
        "PARTICIPATION_JWT_AUDIENCE": AUDIENCE, "PARTICIPATION_PORT": str(port),
    }  # fmt: skip
    table = Table(aws, requests_table)
    names = [f"contest-{run}-{number}" for number in range(events)]
    for name in names:
        Capacity(table).open(name, capacity)
    contest, wanted = Contest(), [(f"user-{user}", name) for user in range(users) for name in names]
    with ExitStack() as parts:
        parts.enter_context(_part(told, "ingest"))
        _await_api(port)
        workers = [parts.enter_context(_part(told, "worker")) for _ in range(WORKERS)]
        begun = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as pool:
            asked = pool.map(lambda one: _ask(port, key, one, contest), enumerate(wanted))
            killing = threading.Thread(target=_kill, args=(workers, crashes, parts, told, contest))
            killing.start()
            ids = dict(zip(wanted, asked, strict=True))
        killing.join()
        contest.requests, contest.duplicates = len(ids), len(contest.post_seconds) - len(ids)
        _await_final(Requests(table), ids, contest)
        contest.process_seconds = time.monotonic() - begun
    for name in names:
        found = Capacity(table).find(name)
        contest.remaining[name] = found.remaining if found else 0
    return contest


def _variables(aws: Aws, environment: str, requests_table: str) -> dict[str, str]:
    given = {
        "AWS_ENDPOINT_URL": aws.endpoint_url, "AWS_REGION": aws.region, "AWS_ACCESS_KEY_ID": aws.access_key_id,
        "AWS_SECRET_ACCESS_KEY": aws.secret_access_key, "PARTICIPATION_ENVIRONMENT": environment,
        "PARTICIPATION_REQUESTS_TABLE": requests_table, "PARTICIPATION_VISIBILITY_SECONDS": "5",
        "PARTICIPATION_WAIT_SECONDS": "1", "PYTHONPATH": str(REPO),
    }  # fmt: skip
    return {name: value for name, value in given.items() if value}


@contextmanager
def _part(told: Mapping[str, str], name: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "include.participation", name]
    part = subprocess.Popen(  # noqa: S603 - our own command
        command, env={**os.environ, **told}, cwd=REPO, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield part
    finally:
        part.terminate()
        try:
            part.wait(20)
        except subprocess.TimeoutExpired:
            part.kill()
            part.wait()


def _await_api(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except OSError:  # noqa: PERF203
            time.sleep(0.1)
    raise SimulationFailed("The API did not answer within a minute.")


def _ask(port: int, key: str, one: tuple[int, tuple[str, str]], contest: Contest) -> str:
    """Ask for a place as a user, some twice; return the request's id."""
    import jwt

    number, (user, event) = one
    claims = {"sub": user, "iss": ISSUER, "aud": AUDIENCE, "exp": time.time() + 600}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, key)}"}
    times = 2 if number % DUPLICATES == 0 else 1
    found = set()
    for _ in range(times):
        begun = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", f"/events/{event}/participations", headers=headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        if answer.status != 202:
            raise SimulationFailed(f"A request was answered {answer.status}: {body}")
        contest.post_seconds.append(time.monotonic() - begun)
        found.add(body["requestId"])
    (name,) = found
    return str(name)


def _kill(
    workers: Sequence[subprocess.Popen[bytes]],
    crashes: int,
    parts: ExitStack,
    told: Mapping[str, str],
    contest: Contest,
) -> None:
    """Kill workers while they work, and start another for each."""
    alive = list(workers)
    for _ in range(crashes):
        time.sleep(2)
        alive.pop(0).kill()
        alive.append(parts.enter_context(_part(told, "worker")))
        contest.crashes += 1


def _await_final(requests: Requests, ids: Mapping[tuple[str, str], str], contest: Contest) -> None:
    waiting, deadline = dict(ids), time.monotonic() + 60 + len(ids) / 10
    while waiting:
        if time.monotonic() > deadline:
            raise SimulationFailed(f"{len(waiting)} of {len(ids)} requests are not final in time.")
        for (user, event), name in list(waiting.items()):
            found = requests.get(name)
            if found is None or not found.final:
                time.sleep(0.2)
                break
            contest.states.setdefault(event, Counter())[found.status] += 1
            del waiting[user, event]
