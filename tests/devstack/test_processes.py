"""A process is ended for certain, and never somebody else's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from devstack import processes

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def begin(tmp_path: Path, mark: str) -> tuple[int, float, int]:
    """Start a process that ignores SIGTERM, with a child in a session of its own; return the child too."""
    log = tmp_path / "service.log"
    pid, started = processes.start(
        [sys.executable, "-c", STUBBORN], log=log, environment=os.environ, mark=mark, folder=tmp_path
    )
    deadline = time.monotonic() + 30
    while not log.read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return pid, started, int(log.read_text())


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_process_that_ignores_being_asked_is_killed_with_all_it_started(tmp_path: Path) -> None:
    pid, started, child = begin(tmp_path, mark := f"{tmp_path}:stubborn")
    processes.stop(pid, started, mark, grace=0.3)
    assert not processes.is_alive(pid, started)
    assert gone(child)


def test_children_of_a_killed_process_are_found_by_their_mark(tmp_path: Path) -> None:
    pid, started, child = begin(tmp_path, mark := f"{tmp_path}:orphans")
    psutil.Process(pid).kill()
    processes.stop(pid, started, mark)
    assert gone(child)


def test_a_pid_that_now_belongs_to_a_stranger_is_left_alone(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    started = psutil.Process(stranger.pid).create_time() - 3600
    assert not processes.is_alive(stranger.pid, started)
    processes.stop(stranger.pid, started, f"{tmp_path}:nobody")
    assert stranger.poll() is None


def test_the_log_of_the_time_before_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    for text in ("first", "second"):
        pid, started = processes.start(
            [sys.executable, "-c", f"print({text!r})"],
            log=log, environment=os.environ, mark=f"{tmp_path}:{text}", folder=tmp_path,
        )  # fmt: skip
        psutil.wait_procs([psutil.Process(pid)], timeout=30)
        assert not processes.is_alive(pid, started)
    assert log.read_text().strip() == "second"
    assert (tmp_path / "service.previous.log").read_text().strip() == "first"
