"""Airflow's events as entries of the execution log.

Where they come from: a task's start and end from its own process; states set by hand from the API server; the end of a
run from the scheduler (or whoever ends it), which tells of all tasks that could not speak for themselves: killed ones,
and those that never ran. Reconciling there needs nobody to look, and nobody's rights.
"""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from include.orchestration.execution_log import entries, records
from include.orchestration.execution_log.writer import Writer

if TYPE_CHECKING:
    from airflow.sdk import Connection

log = logging.getLogger(__name__)
WAIT_SECONDS = 2.0
"""The most that the end of a task, or of the process, waits for the database."""
ASK_AGAIN_SECONDS = 60.0
"""How long a missing connection is believed to be missing."""
JobNames = Callable[[str, str], str]
"""From a DAG's and a task's id to the name of the job."""


def dag_is_job(dag_id: str, _task_id: str) -> str:
    """Return the DAG's id: the job of a task that no registry knows."""
    return dag_id


class ExecutionLog:
    """The listener; each of its methods leaves the caller unharmed, whatever happens."""

    def __init__(self, job_of: JobNames = dag_is_job) -> None:
        self._job_of = job_of
        self._database: Connection | None = None
        self._absent_until = 0.0
        self._writer: Writer[entries.Entry | entries.RunEnd] = Writer(self._write)
        atexit.register(self.flush)

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        """A task begins, or goes on after it was deferred. Nothing is waited for."""
        records.open_book()
        self._tell(lambda: entries.entry_started(task_instance, self._job(task_instance)), task_instance)

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        """A task has succeeded, or was set to by hand."""
        self._end(task_instance, "completed")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: str | BaseException | None) -> None:
        """A try of a task has failed, or the task was set to by hand."""
        self._end(task_instance, "failed", error)

    @hookimpl
    def on_task_instance_skipped(self, task_instance: Any) -> None:
        """A task has skipped itself, or was set to by hand."""
        self._end(task_instance, "skipped")

    @hookimpl
    def on_dag_run_success(self, dag_run: Any) -> None:
        """A run has ended well; some of its tasks may have been skipped without a word."""
        self._reconcile(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any) -> None:
        """A run has failed; some of its tasks may have been killed, or never run."""
        self._reconcile(dag_run)

    def flush(self) -> None:
        """Wait for what is still being written, but not for long."""
        try:
            self._writer.wait(WAIT_SECONDS)
        except Exception:
            log.debug("the execution log could not be waited for", exc_info=True)

    def _end(self, ti: Any, status: str, error: str | BaseException | None = None) -> None:
        mine = _in_task_process(ti)
        book = records.take_book() if mine else records.Book()
        self._tell(
            lambda: entries.entry_ended(
                ti, self._job(ti), status, book=book, error=entries.error_text(error)
            ),
            ti,
        )
        if mine:
            self.flush()

    def _reconcile(self, dag_run: Any) -> None:
        def told() -> entries.RunEnd:
            return entries.run_ended(dag_run.dag_id, dag_run.run_id, _tasks_of(dag_run), self._job_of)

        self._tell(told, None)

    def _tell(self, make: Callable[[], entries.Entry | entries.RunEnd], ti: Any) -> None:
        try:
            if self._writer.is_paused or time.monotonic() < self._absent_until:
                return
            if ti is not None and _in_task_process(ti):
                # asked here and not in the thread: a task's channel to Airflow is for one thread at a time
                self._database = self._database or self._ask_database()
                if self._database is None:
                    return
            self._writer.put(make())
        except Exception as error:
            log.warning("The execution log could not note an event (work goes on unhindered): %s", error)

    def _write(self, batch: list[entries.Entry | entries.RunEnd]) -> None:
        # elsewhere than in a task it is asked here: the scheduler's own session must not be touched
        self._database = self._database or self._ask_database()
        if self._database is not None:
            from include.orchestration.execution_log.store import write_entries

            write_entries(self._database, batch)

    def _ask_database(self) -> Connection | None:
        """Return Airflow's connection, or None where this deployment has none; psycopg is not imported for it."""
        from airflow.sdk import BaseHook
        from airflow.sdk.exceptions import AirflowNotFoundException

        from include.orchestration.connections import FUNDAMENTALS

        try:
            found = BaseHook.get_connection(FUNDAMENTALS)
            if found.host:
                return found
            log.debug("no execution log: the connection %s has no host", FUNDAMENTALS)
        except AirflowNotFoundException as error:
            log.debug("no execution log: %s", error)
        self._absent_until = time.monotonic() + ASK_AGAIN_SECONDS
        return None

    def _job(self, ti: Any) -> str:
        return self._job_of(ti.dag_id, ti.task_id)


def _in_task_process(ti: Any) -> bool:
    """Return whether the instance is the SDK's own of a running task, not a row of Airflow's database."""
    return not hasattr(ti, "_sa_instance_state")


def _tasks_of(dag_run: Any) -> list[Any]:
    """Return the run's tasks, by the caller's session where there is one: it knows what is not committed yet.

    A session of our own is never the one of this thread: closing that would end the scheduler's transaction.
    """
    from sqlalchemy.orm import object_session

    ask = partial(type(dag_run).fetch_task_instances, dag_id=dag_run.dag_id, run_id=dag_run.run_id)
    session = object_session(dag_run)
    if session is not None:
        with session.no_autoflush:
            return list(ask(session=session))
    from airflow.utils.session import create_session

    with create_session(scoped=False) as own:
        found = list(ask(session=own))
        own.expunge_all()
        return found
