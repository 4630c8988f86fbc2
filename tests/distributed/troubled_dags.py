"""DAGs for the test of messages: a run that fails or takes too long as it is told."""

from __future__ import annotations

import time
from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

from include.core.errors import SourceUnavailable
from include.orchestration.defaults import DEFAULT_ARGS, MAP_LABEL, NOTIFIED


@dag(schedule=None, default_args=DEFAULT_ARGS | {"retries": 1}, **NOTIFIED)
def troubled() -> None:
    """Fail where the run's configuration says so."""

    @task(map_index_template=MAP_LABEL)
    def work(number: int) -> None:
        context = get_current_context()
        context["map_label"] = f"chunk {number}"
        if number in context["dag_run"].conf.get("failing", []):
            raise SourceUnavailable("no answer")

    work.expand(number=[0, 1, 2])


@dag(schedule=None, default_args=DEFAULT_ARGS, dagrun_timeout=timedelta(seconds=1), **NOTIFIED)
def endless() -> None:
    """Take longer than the run may."""

    @task
    def wait() -> None:
        time.sleep(120)

    wait()


troubled()
endless()
