"""Airflow's web server as it runs, with our plugins, under either auth manager; and an execution log to answer from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from devstack.airflow_db import provide_database
from devstack.environment import airflow_environment
from devstack.home import REPO, Home
from include.clients.postgres import PostgresAddress

USERS = ("admin", "viewer", "nobody")
DAGS = """
from airflow.sdk import dag, task

@dag(schedule="@daily", is_paused_upon_creation=False)
def status_prices():
    @task
    def extract(): ...
    extract()

@dag(schedule=None)
def status_loads():
    @task
    def load(): ...
    load()

status_prices()
status_loads()
"""
AUTH_MANAGERS = {
    "simple": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
    "fab": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
}


@dataclass
class Server:
    """One web server; `get` asks as a user, or as nobody at all."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    _tokens: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, user: str | None = None, **params: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(user)}"} if user else {}
        return httpx.get(f"{self.url}{path}", params=params, headers=headers, timeout=60, trust_env=False)

    def send(self, method: str, path: str, user: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        answer = httpx.request(
            method, f"{self.url}{path}", json=body, headers=headers, timeout=60, trust_env=False
        )
        assert answer.is_success, answer.text
        answered: dict[str, Any] = answer.json()
        return answered

    def token(self, user: str) -> str:
        if user not in self._tokens:
            login = {"username": user, "password": f"{user}-password"}
            answer = httpx.post(f"{self.url}/auth/token", json=login, timeout=60, trust_env=False)
            assert answer.status_code == 201, answer.text
            self._tokens[user] = answer.json()["access_token"]
        return self._tokens[user]

    def await_health(self, seconds: float = 500) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            try:
                if httpx.get(f"{self.url}/api/v2/version", timeout=5, trust_env=False).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError(f"the web server did not come up:\n{self.log.read_text()[-3000:]}")


@contextmanager
def serving(folder: Path, database: PostgresAddress, ports: dict[str, int]) -> Iterator[dict[str, Server]]:
    """Have one server for each auth manager on one Airflow; they start beside each other."""
    environment = _environment(folder, database)
    _prepare(folder, environment)
    servers: dict[str, Server] = {}
    try:
        for name, port in ports.items():
            servers[name] = _start(folder, name, environment, port)
        for server in servers.values():
            server.await_health()
        yield servers
    finally:
        for server in servers.values():
            _end(server.process)


def _environment(folder: Path, database: PostgresAddress) -> dict[str, str]:
    home = Home(folder / "home")
    home.prepare()
    provide_database(home.airflow)
    (folder / "dags").mkdir()
    (folder / "dags" / "status_dags.py").write_text(DAGS)
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps({name: f"{name}-password" for name in USERS}))
    connection = {"conn_type": "postgres", "host": database.host, "port": database.port,
                  "schema": database.database, "login": database.user, "password": database.password}  # fmt: skip
    return {
        **os.environ,
        **airflow_environment(home),
        "PYTHONPATH": str(REPO),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer,nobody:",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW_CONN_FUNDAMENTALS_DB": json.dumps(connection),
    }


def _prepare(folder: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, str(Path(__file__).with_name("prepare.py"))]
    own = environment | {"AIRFLOW__CORE__AUTH_MANAGER": AUTH_MANAGERS["fab"]}
    done = subprocess.run(
        command, env=own, cwd=folder, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def _start(folder: Path, name: str, environment: dict[str, str], port: int) -> Server:
    url = f"http://127.0.0.1:{port}"
    own = environment | {
        "AIRFLOW__CORE__AUTH_MANAGER": AUTH_MANAGERS[name], "AIRFLOW__API__BASE_URL": url,
    }  # fmt: skip
    command = [sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]  # fmt: skip
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=own, cwd=folder, stdout=log, stderr=log)
    return Server(url, process, folder / f"{name}.log")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
