"""What a failed task leaves for the message at the end of its run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

log = logging.getLogger(__name__)

XCOM_KEY = "failure"
LONGEST = 300
"""Characters of an error in a message; the log has all of it."""


@dataclass(frozen=True)
class Failure:
    """One task that failed for good."""

    task_id: str = ""
    """Empty: no task is known to have failed."""
    label: str = ""
    """Of a mapped task: its map label, else its index."""
    error_type: str = ""
    error: str = ""
    """One line, without secrets; empty: the task's process ended without a word."""
    log_url: str = ""


_of_this_process: dict[tuple[str, str], list[Failure]] = {}
"""Failures by DAG and run: `airflow dags test` has no XCom once its tasks have ended, but they ended in its process."""


def keep_failure(context: Any) -> None:
    """Keep a failed task's error for the end of its run (`on_failure_callback` of every task)."""
    try:
        ti = context["ti"]
        failure = _failure(ti, context)
        _of_this_process.setdefault((ti.dag_id, ti.run_id), []).append(failure)
        ti.xcom_push(key=XCOM_KEY, value=asdict(failure))
    except Exception as error:  # a task killed from outside is told of by a process that may not push
        log.warning("The failed task's error is not kept for the message: %s", one_line(error))


def failures_of(context: Any) -> tuple[Failure, int]:
    """Return the failure that a failed run is told of by, and how many of its tasks failed."""
    kept = _of_this_process.pop((context["dag"].dag_id, context["run_id"]), None)
    if kept:
        return kept[-1], len(kept)
    ti = context.get("ti")
    if ti is None:
        return Failure(), 0
    try:
        return _pulled(ti), max(1, _count(ti))
    except Exception as error:
        log.warning("The message goes without the task's own words: %s", one_line(error))
        return Failure(ti.task_id, _index(ti), log_url=ti.log_url), 1


def one_line(error: Any) -> str:
    """Return an error as one line of bounded length, with the secrets masked that Airflow knows of."""
    from airflow.sdk.log import redact

    if error is None:
        return ""
    text = " ".join(str(error).split())
    if isinstance(error, BaseException):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    text = str(redact(text))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _failure(ti: Any, context: Mapping[str, Any]) -> Failure:
    error = context.get("exception")
    kind = type(error).__name__ if isinstance(error, BaseException) else ""
    label = str(context.get("map_label") or _index(ti))
    return Failure(ti.task_id, label, kind, one_line(error), ti.log_url)


def _pulled(ti: Any) -> Failure:
    found = ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index, key=XCOM_KEY)
    return Failure(**found) if found else Failure(ti.task_id, _index(ti), log_url=ti.log_url)


def _count(ti: Any) -> int:
    """Return how many tasks of the run failed; the DAG processor of Airflow 3.3 cannot be asked `get_ti_count`."""
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])
    return sum(state == "failed" for of_run in states.values() for state in of_run.values())


def _index(ti: Any) -> str:
    return str(ti.map_index) if ti.map_index is not None and ti.map_index >= 0 else ""
