"""The service as it is started: `python -m include.participation`."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from devstack.home import REPO
from tests.conftest import free_port
from tests.participation.api import AUDIENCE, ISSUER, KEY, of
from tests.participation.conftest import Service
from tests.participation.parts import running, variables_of, wait_until

pytestmark = pytest.mark.integration


def started(service: Service, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "include.participation", *arguments], env=variables_of(service, **more), cwd=REPO,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_request_goes_through_both_processes(service: Service) -> None:
    port = free_port()
    told = {
        "PARTICIPATION_JWT_KEY": KEY, "PARTICIPATION_JWT_ALGORITHM": "HS256", "PARTICIPATION_JWT_ISSUER": ISSUER,
        "PARTICIPATION_JWT_AUDIENCE": AUDIENCE, "PARTICIPATION_PORT": str(port),
    }  # fmt: skip
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return True
        except OSError:
            return False

    def ask(path: str, method: str = "GET") -> dict[str, object]:
        asked = urllib.request.Request(url + path, headers=of(), method=method)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            found: dict[str, object] = json.load(answer)
            return found

    with (
        running(service, "ingest", **told) as ingest,
        running(service, "worker", PARTICIPATION_PARALLELISM="1"),
    ):
        wait_until(answers, "ingest answers")
        name = ask("/events/e1/participations", "POST")["requestId"]
        wait_until(lambda: ask(f"/requests/{name}")["status"] == "SUCCEEDED", "a place")
        ingest.terminate()
        assert ingest.wait(30) in (0, -15)
    (event,) = service.events()
    assert event["requestId"] == name


def test_a_part_that_is_told_too_little_says_so_in_a_line(service: Service) -> None:
    done = started(service, "ingest")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "PARTICIPATION_JWT_KEY: Field required" in done.stderr


def test_an_event_is_opened_once(service: Service) -> None:
    assert started(service, "open", "e2", "--capacity", "7").returncode == 0
    again = started(service, "open", "e2", "--capacity", "9")
    assert (again.returncode, again.stderr) == (1, "The event e2 is open already; nothing was changed.\n")
    found = service.capacity.find("e2")
    assert found is not None
    assert (found.capacity, found.remaining) == (7, 7)


@pytest.mark.parametrize("arguments", [("a b", "--capacity", "1"), ("e2", "--capacity", "0")])
def test_an_event_that_cannot_be_is_not_opened(service: Service, arguments: tuple[str, ...]) -> None:
    assert started(service, "open", *arguments).returncode == 2
    assert service.capacity.find(arguments[0]) is None


def test_the_service_needs_no_airflow() -> None:
    code = (
        "import sys, include.participation.__main__, include.participation.ingest.app; "
        "print([name for name in sys.modules if name.partition('.')[0] in ('airflow', 'pandas', 'polars', 'devstack')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
