"""What every task has unless it says otherwise, as the scheduler sees it."""

from __future__ import annotations

from pathlib import Path

from include.orchestration.defaults import DEFAULT_ARGS

DAGS = Path(__file__).parents[2] / "dags"


def test_the_scheduler_waits_between_retries_as_the_deployment_says() -> None:
    """Airflow 3.3 serializes a mapped `@task` without a retry delay that comes from its configuration."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    dags = DagBag(dag_folder=str(DAGS)).dags
    seen = [DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag)) for dag in dags.values()]
    delays = {f"{dag.dag_id}.{task.task_id}": task.retry_delay for dag in seen for task in dag.tasks}
    assert delays
    assert {name for name, delay in delays.items() if delay != DEFAULT_ARGS["retry_delay"]} == set()
