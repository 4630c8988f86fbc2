"""Fixtures for every test: no network in unit tests; one local AWS a worker for the others.

Each worker has a state folder of its own, and Airflow's environment is set to it here: before any test
imports Airflow, which reads its configuration once.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_socket

from devstack.environment import UNSET, airflow_environment
from devstack.home import Home
from devstack.stack import Stack
from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from tests.market import Market, applied

REPOSITORY = Path(__file__).parents[1]
RETRY_AT_ONCE = {"AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "0"}


def _own_home() -> Home:
    """Return this worker's state folder, and point Airflow to it."""
    home = Home(tempfile.mkdtemp(prefix="tapeline-tests-"))
    home.prepare()
    for name in UNSET:
        os.environ.pop(name, None)
    os.environ |= airflow_environment(home) | RETRY_AT_ONCE | {"TAPELINE_HOME": str(home.path)}
    return home


HOME = _own_home()


def pytest_unconfigure() -> None:
    """Remove this worker's state folder; a worker ends without `atexit`."""
    shutil.rmtree(HOME.path, ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Close the network to unit tests; tests that start servers may talk to loopback."""
    if item.get_closest_marker("integration"):
        pytest_socket.enable_socket()
        pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    else:
        pytest_socket.disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown() -> None:
    """Give fixtures their network back while they end."""
    pytest_socket.enable_socket()
    pytest_socket._remove_restrictions()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def home() -> Home:
    """This worker's state folder."""
    return HOME


@contextmanager
def ministack(state: Path, **environment: str) -> Iterator[Aws]:
    """Have a MiniStack of the caller's own, empty at the start, with its state in the folder."""
    port = free_port()
    own = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(state),
        "LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "ministack"]
    with (state / "log").open("wb") as log:
        server = subprocess.Popen(
            command, env=os.environ | own | environment, stdout=log, stderr=log, cwd=state
        )
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/_ministack/health", server, state / "log")
        yield Aws(
            region="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            access_key_id="test",
            secret_access_key="test",
        )
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A MiniStack of this worker's own, empty at the start; names in it are the test's business."""
    with ministack(tmp_path_factory.mktemp("ministack")) as found:
        yield found


@pytest.fixture
def raw(aws: Aws) -> ObjectStore:
    """An empty bucket of the test's own."""
    name = f"raw-{uuid.uuid4().hex[:12]}"
    aws.client("s3").create_bucket(Bucket=name)
    return aws.object_store(name)


@pytest.fixture
def make_table(aws: Aws) -> Any:
    """Return a function that makes an empty DynamoDB table with the given key attributes."""

    def make(*keys: str) -> Any:
        name = f"table-{uuid.uuid4().hex[:12]}"
        aws.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
        )
        return aws.table(name)

    return make


def _wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"the local AWS ended at once:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the local AWS did not come up:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def stack(home: Home) -> Iterator[Stack]:
    """The local default of this worker, running; tests keep apart by tables of their own (`Market`)."""
    stack = Stack(home.path)
    try:
        stack.up()
        yield stack
    finally:
        stack.down()  # also what a failed start left running


@pytest.fixture(scope="module")
def make_market(stack: Stack) -> Iterator[Callable[..., Market]]:
    """Return a function that makes a `Market`; the stack's environment is applied for the whole module."""
    with applied(stack.environment() | RETRY_AT_ONCE):
        yield lambda **named: Market(stack, **named)


@pytest.fixture
def market(make_market: Callable[..., Market]) -> Market:
    """A table of the test's own, a source in good health and no dead letters."""
    market = make_market()
    market.forget_source_state()
    market.dead_letters()
    return market
