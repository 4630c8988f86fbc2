"""A program: runs a DAG in this process with the execution log in each state it may be in; prints what became of it.

In a process of its own, since Airflow reads once where DAGs and plugins are. `python execution_log_trial.py`: the
connection of the environment is the good one.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

GOOD = "AIRFLOW_CONN_FUNDAMENTALS_DB"


class Kept(logging.Handler):
    """Keeps what is logged of the execution log at the level of a warning or above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def at_address(port: int | None) -> Iterator[None]:
    """Have the connection lead elsewhere, or (None) not exist."""
    good = os.environ.pop(GOOD)
    if port is not None:
        os.environ[GOOD] = json.dumps({**json.loads(good), "port": port})
    try:
        yield
    finally:
        os.environ[GOOD] = good


@contextmanager
def never_answering() -> Iterator[int]:
    """Have a server that takes connections and says nothing: what a frozen PostgreSQL looks like from here."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


def try_run(listeners: list[Any], day: int) -> dict[str, Any]:
    """Run the DAG with listeners that know of no failure yet; return its tasks' states and what was warned of."""
    from devstack.dagrun import run_dag

    for listener in listeners:
        listener.flush()
        listener._database, listener._absent_until = None, 0.0
        listener._writer._begin()
    kept = Kept()
    logging.getLogger("include.orchestration.execution_log").addHandler(kept)
    run = run_dag("tells", date(2026, 1, day), {})
    for listener in listeners:
        listener.flush()
    logging.getLogger("include.orchestration.execution_log").removeHandler(kept)
    states = {f"{ti.task_id}[{ti.map_index}]": str(ti.state) for ti in run.get_task_instances()}
    return {"run_id": run.run_id, "states": states, "warnings": kept.messages}


def raising(*_: object) -> None:
    raise RuntimeError("the listener is broken")


def main() -> None:
    from airflow.listeners.listener import get_listener_manager as of_server
    from airflow.sdk.listener import get_listener_manager as of_tasks

    from include.orchestration.execution_log import entries, store
    from include.orchestration.execution_log import listener as module

    # a machine that is slow is not a database that is away
    patience, module.WAIT_SECONDS, store.CONNECT_SECONDS, store.STATEMENT_MS = (
        module.WAIT_SECONDS,
        120.0,
        60,
        60_000,
    )
    listeners = [
        listener
        for manager in (of_server(), of_tasks())
        for listener in manager.pm.get_plugins()
        if type(listener).__name__ == "ExecutionLog"
    ]
    assert listeners
    found: dict[str, Any] = {"good": try_run(listeners, 1)}
    with at_address(None):
        found["missing"] = try_run(listeners, 2)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with at_address(port):
        found["down"] = try_run(listeners, 3)
    module.WAIT_SECONDS, store.CONNECT_SECONDS = patience, 2
    with never_answering() as port, at_address(port):
        found["hanging"] = try_run(listeners, 4)
    makers: list[tuple[str, Callable[..., Any]]] = [
        (name, getattr(entries, name)) for name in ("entry_started", "entry_ended", "run_ended")
    ]
    for name, _ in makers:
        setattr(entries, name, raising)
    found["raising"] = try_run(listeners, 5)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
