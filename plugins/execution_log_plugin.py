"""Registers the listener that keeps the execution log."""

from __future__ import annotations

from functools import cache
from typing import Any

from airflow.plugins_manager import AirflowPlugin


def job_of(dag_id: str, task_id: str) -> str:
    """Return the registered job that a task belongs to, by the names in its id; else the DAG's id."""
    if dag_id.startswith("fundamentals_"):
        from include.fundamentals.jobs import registry

        jobs = registry().jobs
        return next((part for part in task_id.split(".") if part in jobs), dag_id)
    return dag_id


@cache
def execution_log() -> Any:
    """Return the listener, one a process: Airflow asks for it more than once."""
    from include.orchestration.execution_log.listener import ExecutionLog

    return ExecutionLog(job_of)


class ExecutionLogPlugin(AirflowPlugin):
    """A property: what imports the module for another reason does not import the listener."""

    name = "tapeline_execution_log"

    @property
    def listeners(self):  # type: ignore[no-untyped-def, override]
        """The listener."""
        return [execution_log()]
