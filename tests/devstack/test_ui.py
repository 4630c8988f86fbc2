"""`tapeline ui`: a healthy Airflow on a port of its own, and nothing left after Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from devstack import processes
from devstack.stack import Stack
from devstack.ui_services import NAMES

pytestmark = pytest.mark.integration


def call(url: str, token: str = "", body: dict[str, str] | None = None) -> dict[str, object]:
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode() if body else None,
        headers={
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, object] = json.load(answer)
        return found


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Return what the command printed up to the line with `text`."""
    assert process.stderr
    seen = ""
    for line in process.stderr:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"ended without {text!r}:\n{seen}")


def test_airflow_answers_only_to_its_admin_and_ctrl_c_leaves_no_process(
    new_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    stack = new_stack()
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        taken = occupant.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "devstack.cli", "ui", "--port", str(taken)],
            env={**os.environ, "TAPELINE_HOME": str(stack.home.path)},
            stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        )  # fmt: skip
        shown = read_until(process, "Ctrl-C")
    url, password = re.findall(r"Airflow: (\S+) +user admin +password (\S+)", shown)[0]
    assert f"port {taken} is taken" in shown

    with pytest.raises(urllib.error.HTTPError, match="401"):
        call(f"{url}/api/v2/dags")
    token = str(call(f"{url}/auth/token", body={"username": "admin", "password": password})["access_token"])
    pools = call(f"{url}/api/v2/pools", token)["pools"]
    assert "yahoo" in [pool["name"] for pool in pools]  # type: ignore[attr-defined]
    for name in NAMES:
        for member in processes.marked(stack.supervisor.mark(name)):
            for connection in member.net_connections("inet"):
                assert connection.status != psutil.CONN_LISTEN or connection.laddr.ip == "127.0.0.1"

    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=90) == 0
    for name in [*NAMES, "aws", "postgres", "warehouse", "replay"]:
        assert processes.marked(stack.supervisor.mark(name)) == [], name
