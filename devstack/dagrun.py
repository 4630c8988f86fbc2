"""Run a DAG in this process, as `airflow dags test` does, without paying for a new process."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any


def run_dag(dag_id: str, day: date, conf: dict[str, Any]) -> Any:
    """Run a DAG for the logical date midnight UTC of `day` and return its `DagRun`.

    The environment must be that of `Stack.environment()` before Airflow is first imported.
    """
    import pendulum
    from airflow.dag_processing.dagbag import DagBag

    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    file = folder / f"{dag_id}.py"
    found = file if file.exists() else folder  # a factory's file is not named like its DAGs
    bag = DagBag(dag_folder=str(found))
    if bag.import_errors:
        raise RuntimeError(f"{found} cannot be parsed: {bag.import_errors}")
    return bag.dags[dag_id].test(logical_date=pendulum.datetime(day.year, day.month, day.day), run_conf=conf)
