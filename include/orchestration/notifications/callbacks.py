"""What Airflow calls at the end of a run, in the DAG processor (in the run's own process under `dags test`)."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from include.orchestration.notifications.failures import Failure, failures_of, one_line

log = logging.getLogger(__name__)

RUNBOOKS = "tapeline_runbooks_url"
"""Variable: where a browser finds docs/runbooks; unset: messages have the path in the repository."""
TIMED_OUT = "timed_out"
"""Airflow's reason for a run that `dagrun_timeout` stopped."""


def notify_failure(context: Any) -> None:
    """Tell of a failed run, unless its problem was told of already (a DAG's `on_failure_callback`)."""
    try:
        _notify_failure(context)
    except Exception as error:
        log.warning("No message of the failed run: %s", one_line(error))


def notify_success(context: Any) -> None:
    """Tell of the first success after failures that were told of (a DAG's `on_success_callback`)."""
    try:
        _notify_success(context)
    except Exception as error:
        log.warning("No message of the run that works again: %s", one_line(error))


def _notify_failure(context: Any) -> None:
    from include.orchestration.notifications.channels import open_channels, send
    from include.orchestration.notifications.messages import failure_message

    failure, failed_tasks = failures_of(context)
    channels = open_channels()
    if not channels:
        return
    too_long = context.get("reason") == TIMED_OUT
    problem = TIMED_OUT if too_long else _problem(failure)
    problems = _problems(context)
    if not _is_new(problems, problem):
        return
    message = failure_message(
        context["dag"].dag_id, context["run_id"], failure, failed_tasks,
        too_long=too_long, place=_place(), runbook=_runbook(context),
    )  # fmt: skip
    _settle(problems, problem, taken=send(message, channels))


def _notify_success(context: Any) -> None:
    from include.orchestration.notifications.channels import open_channels, send
    from include.orchestration.notifications.messages import recovery_message

    channels = open_channels()
    problems = _problems(context) if channels else None
    trouble = problems.end() if problems else None
    if trouble:
        dag_id, run_id = context["dag"].dag_id, context["run_id"]
        message = recovery_message(dag_id, run_id, trouble, place=_place(), runbook=_runbook(context))
        send(message, channels)


def _problem(failure: Failure) -> str:
    """Return what makes two failures the same problem: their task and kind of error."""
    return f"{failure.task_id}:{failure.error_type}"


def _is_new(problems: Any, problem: str) -> bool:
    """Return whether nobody told of the problem yet; where that cannot be known, a message too many is better."""
    try:
        return problems is None or bool(problems.begin(problem))
    except Exception as error:
        log.warning("Whether the problem was told of already is not known: %s", one_line(error))
        return True


def _settle(problems: Any, problem: str, *, taken: bool) -> None:
    """Keep that the problem was told of, or that nobody heard of it."""
    try:
        if problems:
            (problems.told if taken else problems.forget)(problem)
    except Exception as error:
        log.warning("That the problem was told of is not kept: %s", one_line(error))


def _problems(context: Any) -> Any:
    """Return the DAG's book of problems; None where the deployment has no settings, and so no table for it."""
    from include.orchestration import connections
    from include.orchestration.notifications.problems import Problems

    try:
        table = connections.aws().table(connections.settings().idempotency_table)
    except Exception as error:
        log.info("Problems are not remembered, so each failed run is told of: %s", one_line(error))
        return None
    return Problems(table, context["dag"].dag_id)


def _place() -> str:
    from include.orchestration import connections

    try:
        return f"[tapeline {connections.settings().environment}]"
    except Exception:
        return "[tapeline]"


def _runbook(context: Any) -> str:
    """Return where the DAG's runbook is."""
    from airflow.sdk import Variable

    try:
        base = Variable.get(RUNBOOKS, default=None)
    except Exception:
        base = None
    return f"{(base or 'docs/runbooks').rstrip('/')}/{runbook_page(context['dag'])}"


def runbook_page(dag: Any) -> str:
    """Return the name of a DAG's runbook: the one that its description names, else that of its file's name."""
    named = re.findall(r"docs/runbooks/(\w+\.md)", getattr(dag, "doc_md", None) or "")
    return str(named[-1]) if named else f"{Path(dag.fileloc).stem}.md"
