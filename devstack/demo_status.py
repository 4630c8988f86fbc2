"""The status API in `make demo`: Airflow's web server is asked how the pipelines are, as its admin."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from devstack.demo_progress import step
from devstack.ports import free_port
from devstack.services import PYTHON, base_environment, http_answers, http_url
from devstack.stack import Stack
from devstack.ui_services import HEALTH
from include.core.errors import TransientError

START_SECONDS = 120


class ApiServerNotUp(TransientError):
    """Airflow's web server did not answer in time."""


def show_status(stack: Stack, console: Console) -> bool:
    """Print the answer of `GET /api/etl/status`; return whether it is healthy and without a sign-in refused."""
    with (
        step(console, "Asking /api/etl/status of Airflow's web server"),
        _api_server(stack) as (url, password),
    ):
        anonymous = _status_code(f"{url}/api/etl/status")
        login = {"username": "admin", "password": password}
        token = _call(f"{url}/auth/token", login)["access_token"]
        found = _call(f"{url}/api/etl/status", token=token)
    table = Table(
        "job", "status", "last run (UTC)", "next run (UTC)", title="/api/etl/status", title_justify="left"
    )
    for job in found["jobs"]:
        table.add_row(job["name"], job["status"], _short(job["lastRun"]), _short(job["nextRun"]))
    console.print(table)
    healthy = found["overallStatus"] == "healthy"
    console.print(
        f"[{'green' if healthy else 'red'}]overallStatus: {found['overallStatus']}[/]; without signing in: {anonymous}"
    )
    return healthy and anonymous == 401


@contextmanager
def _api_server(stack: Stack) -> Iterator[tuple[str, str]]:
    """Have Airflow's web server on the database of one-shot runs; yield its URL and the admin's password."""
    port, password = free_port(), secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="tapeline-status-") as folder:
        passwords = Path(folder) / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({"admin": password}))
        environment = {
            **base_environment(), **stack.environment(),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        }  # fmt: skip
        command = [
            PYTHON,
            "-m",
            "airflow",
            "api-server",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--workers",
            "1",
        ]
        with stack.home.log("demo-api").open("wb") as log:
            server = subprocess.Popen(  # noqa: S603 - our own words
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            _await(server, port)
            yield http_url(port), password
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def _await(server: subprocess.Popen[bytes], port: int) -> None:
    answers, deadline = http_answers(HEALTH, seconds=5), time.monotonic() + START_SECONDS
    while not answers(port):
        if server.poll() is not None or time.monotonic() > deadline:
            raise ApiServerNotUp("Airflow's web server did not answer; see demo-api.log among the logs.")
        time.sleep(0.2)


def _call(url: str, body: dict[str, str] | None = None, token: str = "") -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(  # noqa: S310 - our own loopback address
        url, data=None if body is None else json.dumps(body).encode(), headers=headers
    )
    with _opener().open(request, timeout=60) as answer:
        return json.load(answer)


def _status_code(url: str) -> int:
    """Return what somebody who is not signed in is answered."""
    try:
        with _opener().open(url, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _short(instant: str | None) -> str:
    return instant[:16].replace("T", " ") if instant else "–"
