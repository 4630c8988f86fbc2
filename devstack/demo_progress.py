"""What the demo shows while it works: steps with their time, and a DAG run's task instead of its log."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

_STARTED = re.compile(rb"starting task_id=(\w+) map_index=(-?\d+)")


@contextmanager
def quiet_run(log: Path, text: str) -> Iterator[Console]:
    """Send all this process prints to `log` meanwhile, and yield a console that still reaches the screen.

    File descriptors are redirected, not `sys.stdout`, since Airflow's loggers hold on to the old one.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    screen, errors = os.dup(1), os.dup(2)
    with log.open("ab", buffering=0) as file, os.fdopen(screen, "w", encoding="utf-8", closefd=False) as out:
        begin = log.stat().st_size
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        console = Console(file=out)
        ended = threading.Event()
        try:
            with console.status(text) as status:

                def follow() -> None:
                    while not ended.wait(0.5):
                        status.update(f"{text} [dim]{_at(log, begin)}[/]")

                watcher = threading.Thread(target=follow, daemon=True)
                watcher.start()
                yield console
        finally:
            ended.set()
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(screen, 1)
            os.dup2(errors, 2)
            os.close(screen)
            os.close(errors)


def _at(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        started = _STARTED.findall(file.read())
    if not started:
        return ""
    task, index = started[-1][0].decode(), int(started[-1][1])
    return task if index < 0 else f"{task} [{index}]".replace("[", r"\[")


@contextmanager
def step(console: Console, text: str) -> Iterator[None]:
    """Show a long step's progress, and afterwards what it took."""
    begun = time.monotonic()
    with console.status(text):
        yield
    done(console, text, begun)


def done(console: Console, text: str, begun: float) -> None:
    """Tick a step off with the seconds since `begun` (of `time.monotonic`)."""
    console.print(f"[green]✓[/] {text} [dim]({time.monotonic() - begun:.1f} s)[/]")
