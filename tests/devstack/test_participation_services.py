"""Ingest and a worker as services of the local default: only where they are asked for, and then until `down`."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devstack.participation_services import INGEST, NAMES, WORKER, make_token, participation_services
from devstack.stack import ENVIRONMENT, Stack
from include.participation.capacity import Capacity
from include.participation.table import Table

pytestmark = pytest.mark.integration


@pytest.fixture
def served(stack: Stack) -> Iterator[Stack]:
    """The local default with the participation service."""
    try:
        stack.up(participation=True)
        yield stack
    finally:
        with stack.home.lock():
            stack.end_all(participation_services(stack.home), lambda *_: None)


def states(stack: Stack) -> dict[str, str]:
    return {one.service: one.state for one in stack.status() if one.service in NAMES}


def ask(stack: Stack, path: str, token: str, method: str = "GET") -> dict[str, Any]:
    url = f"http://127.0.0.1:{stack.supervisor.port(INGEST)}{path}"
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"}, method=method)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def wait_until(held: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 90
    while not held():
        assert time.monotonic() < deadline, f"not in 90 s: {what}"
        time.sleep(0.1)


def test_a_request_is_processed_by_the_services_also_after_a_worker_was_killed(served: Stack) -> None:
    assert states(served) == dict.fromkeys(NAMES, "running")
    event = f"event-{uuid.uuid4().hex[:8]}"
    table = f"tapeline-{ENVIRONMENT}-participation-requests"
    Capacity(Table(served.aws(), table)).open(event, 1)
    token = make_token(served.home, "u1", hours=1)
    os.kill(next(one.pid for one in served.status() if one.service == WORKER), signal.SIGKILL)
    wait_until(lambda: states(served) == {INGEST: "running", WORKER: "died"}, "the worker is seen to be dead")
    name = ask(served, f"/events/{event}/participations", token, "POST")["requestId"]
    served.up()  # what was asked for once stays asked for
    assert states(served) == dict.fromkeys(NAMES, "running")
    wait_until(
        lambda: ask(served, f"/requests/{name}", token)["status"] == "SUCCEEDED", "the request has its place"
    )
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask(served, "/me/participations", "nobody's")
