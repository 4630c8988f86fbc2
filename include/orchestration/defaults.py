"""What every task and DAG of ours has unless it says otherwise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.configuration import conf

from include.orchestration.notifications import NOTIFIED, keep_failure

MAP_LABEL = "{{ map_label | default(ti.map_index) }}"
"""`map_index_template` of every mapped task; the task sets `map_label` in its context as soon as it knows it."""

RETRY_BY_TYPE = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="include.core.errors.TerminalError",
            action=RetryAction.FAIL,
            reason="a terminal error: trying again cannot help",
        )
    ]
)
"""A terminal error of ours fails at once; everything else is retried as the task says."""

DEFAULT_RETRY_DELAY = timedelta(seconds=conf.getint("core", "default_task_retry_delay", fallback=300))

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "data-platform",
    "retries": 2,
    "retry_delay": DEFAULT_RETRY_DELAY,
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=1),
    "retry_policy": RETRY_BY_TYPE,
    "on_failure_callback": keep_failure,
}
"""`retry_delay` is what the deployment says (`[core] default_task_retry_delay`). It is named here because Airflow
3.3 forgets it in a mapped `@task`, whose retries then wait five minutes whatever the deployment says."""

__all__ = ["DEFAULT_ARGS", "DEFAULT_RETRY_DELAY", "MAP_LABEL", "NOTIFIED", "RETRY_BY_TYPE"]
