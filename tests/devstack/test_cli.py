"""The command `tapeline`: exit codes, one-line errors, and what goes to stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.stack import Stack
from include.core.queues import queue_pairs


def tapeline(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_CONN_")}
    return subprocess.run(
        [sys.executable, "-m", "devstack.cli", *arguments],
        env={**kept, "TAPELINE_HOME": str(home)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_status_of_what_was_never_started_is_exit_code_1(tmp_path: Path) -> None:
    done = tapeline(tmp_path, "status", "--format", "json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert {one["state"] for one in found["services"]} == {"stopped"}
    assert (found["queues"], found["alarms"], found["fault"]) == ([], [], "")
    assert "queue" not in tapeline(tmp_path, "status").stdout


def test_down_of_what_was_never_started_is_no_fault(tmp_path: Path) -> None:
    done = tapeline(tmp_path, "down")
    assert done.returncode == 0
    assert "Nothing was running" in done.stderr


def test_sql_without_a_warehouse_says_what_to_start(tmp_path: Path) -> None:
    done = tapeline(tmp_path, "sql", "SELECT 1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "tapeline up" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.integration
def test_status_of_a_running_stack_names_every_service_and_queue(running_stack: Stack) -> None:
    done = tapeline(running_stack.home.path, "status")
    assert done.returncode == 0
    words = ["aws", "postgres", "warehouse", "replay", str(running_stack.home.data("warehouse"))]
    for word in (*words, *(pair.title for pair in queue_pairs("local"))):
        assert word in done.stdout


@pytest.mark.integration
def test_sql_prints_each_format_and_a_mistake_as_one_line(running_stack: Stack) -> None:
    home = running_stack.home.path
    question = "SELECT number AS n, toString(number) AS t FROM numbers(2) ORDER BY n"
    assert tapeline(home, "sql", question, "--format", "csv").stdout == "n,t\n0,0\n1,1\n"
    rows = json.loads(tapeline(home, "sql", question, "--format", "json").stdout)
    assert rows == [{"n": 0, "t": "0"}, {"n": 1, "t": "1"}]
    wrong = tapeline(home, "sql", "SELEC 1")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert len(wrong.stderr.strip().splitlines()) == 1


@pytest.mark.integration
def test_secrets_are_for_their_owner_only_and_not_in_what_status_shows(running_stack: Stack) -> None:
    home = running_stack.home
    assert (home.path / "secrets.json").stat().st_mode & 0o077 == 0
    shown = tapeline(home.path, "status", "--format", "json").stdout
    assert not [
        secret for secret in json.loads((home.path / "secrets.json").read_text()).values() if secret in shown
    ]
