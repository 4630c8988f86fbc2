"""Processes in the background: started in their own group, known by pid and start time, ended for certain.

A pid alone is never trusted: the system gives it to somebody else after a while. Whatever a service
started itself is found by the mark in its environment, also where the service was killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

MARK = "TAPELINE_PROCESS_OF"
"""Environment variable of every process we start: `<state folder>:<service>`."""
_CLOCK_DRIFT = 3.0
"""Seconds by which the system's idea of a process's start may move when the clock is set."""


def start(
    command: list[str], *, log: Path, environment: Mapping[str, str], mark: str, folder: Path
) -> tuple[int, float]:
    """Start a process that outlives us; return its pid and start time.

    Its output goes to `log`; the log of the time before is kept beside it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment, MARK: mark},
            cwd=folder,
            start_new_session=True,
        )
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.pid, psutil.Process(process.pid).create_time()
    return process.pid, 0.0


def is_alive(pid: int, started: float) -> bool:
    """Return whether the very process is still running."""
    return _find(pid, started) is not None


def stop(pid: int, started: float, mark: str, *, first: int = signal.SIGTERM, grace: float = 10) -> None:
    """End a process, its group and everything with its mark: asked first, killed after `grace` seconds.

    Returns when none is left. Processes that are not ours are never touched.
    """
    leader = _find(pid, started)
    members = _with_descendants([leader] if leader else []) | set(marked(mark))
    if leader:
        _signal([leader], first)
        gone, _ = psutil.wait_procs([leader], timeout=grace)
        members |= set(marked(mark))
        if gone:
            _reap(pid)
    _signal(members, signal.SIGTERM)
    _, left = psutil.wait_procs(list(members), timeout=grace if not leader else 2)
    _signal(left, signal.SIGKILL)
    psutil.wait_procs(left, timeout=5)
    for straggler in marked(mark):
        _signal([straggler], signal.SIGKILL)
    _reap(pid)


def marked(mark: str) -> list[psutil.Process]:
    """Return the running processes that carry the mark, ourselves not."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == mark and _runs(process):
                found.append(process)
    return found


def _find(pid: int, started: float) -> psutil.Process | None:
    if pid <= 0:
        return None
    _reap(pid)
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < _CLOCK_DRIFT
    except psutil.Error:
        return None
    return process if same and _runs(process) else None


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _with_descendants(leaders: list[psutil.Process]) -> set[psutil.Process]:
    found = set(leaders)
    for leader in leaders:
        with contextlib.suppress(psutil.Error):
            found |= set(leader.children(recursive=True))
    return found


def _signal(processes: Iterable[psutil.Process], number: int) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _reap(pid: int) -> None:
    """Take a child of ours that has ended out of the process table; a stranger's is left alone."""
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)
