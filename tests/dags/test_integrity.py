"""What every DAG must have, asked of the DAGs as Airflow parses them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
DAG_IDS = {
    "dlq_redrive", "fundamentals_daily", "fundamentals_manual", "fundamentals_weekly", "g1_metrics", "load_analytics",
    "load_customer", "load_market", "load_product", "log_retention", "prices_daily", "prices_on_event",
}  # fmt: skip
# boto3 (a twentieth of a second) comes with the provider's S3 sensor
HEAVY = {
    "chdb", "clickhouse_connect", "clickhouse_driver", "duckdb", "exchange_calendars", "numpy", "obstore",
    "pandas", "polars", "pyarrow", "yfinance",
}  # fmt: skip


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(REPOSITORY / "dags"))
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_the_dags_are_the_expected_ones(dags: dict[str, Any]) -> None:
    assert set(dags) == DAG_IDS


def test_a_dag_file_is_named_like_its_dag(dags: dict[str, Any]) -> None:
    """A factory's file is named like what its DAGs' names begin with."""
    for dag_id, dag in dags.items():
        stem = Path(dag.fileloc).stem
        assert dag_id == stem or dag_id.startswith(f"{stem}_"), dag_id


def test_every_dag_tells_on_call_how_to_rerun_it(dags: dict[str, Any]) -> None:
    for dag_id, dag in dags.items():
        assert "**Rerun**" in dag.doc_md, dag_id
        assert "**When it fails**" in dag.doc_md, dag_id
        assert dag.dagrun_timeout, dag_id


def test_every_task_has_an_owner_retries_and_a_timeout(dags: dict[str, Any]) -> None:
    for dag_id, dag in dags.items():
        for task in dag.tasks:
            name = f"{dag_id}.{task.task_id}"
            assert task.owner == "data-platform", name
            assert task.retries is not None, name
            assert task.execution_timeout, name


def test_only_the_teardown_is_not_retried(dags: dict[str, Any]) -> None:
    for dag_id, dag in dags.items():
        assert {task.task_id for task in dag.tasks if not task.retries} <= {"close_run"}, dag_id


def test_every_dag_tells_of_its_failures_and_its_tasks_keep_their_words(dags: dict[str, Any]) -> None:
    from include.orchestration.notifications import keep_failure, notify_failure, notify_success

    for dag_id, dag in dags.items():
        assert dag.on_failure_callback is notify_failure, dag_id
        assert dag.on_success_callback is notify_success, dag_id
        for task in dag.tasks:
            kept = getattr(task, "partial_kwargs", {}).get("on_failure_callback") or task.on_failure_callback
            assert keep_failure in (kept if isinstance(kept, (list, tuple)) else [kept]), (
                f"{dag_id}.{task.task_id}"
            )


def test_nothing_is_loaded_that_did_not_pass_the_quality_gate(dags: dict[str, Any]) -> None:
    load = dags["prices_daily"].get_task("load_files")
    assert {"curate_days", "wait_for_manifest", "write_manifests"} <= load.get_flat_relative_ids(
        upstream=True
    )


def test_too_many_failures_are_judged_after_the_manifests(dags: dict[str, Any]) -> None:
    check = dags["prices_daily"].get_task("check_failures")
    assert "write_manifests" in check.get_flat_relative_ids(upstream=True)
    assert "load_files" not in check.get_flat_relative_ids(upstream=False)


def test_a_message_is_deleted_only_after_its_rows_are_loaded(dags: dict[str, Any]) -> None:
    dag = dags["prices_on_event"]
    after = {task.task_id: task.get_flat_relative_ids(upstream=True) for task in dag.tasks}
    assert {"load_files", "check_failures"} <= after["acknowledge_request"]
    assert "load_manifests" in after["acknowledge_manifests"]


def test_a_request_by_event_is_handled_as_one_by_hand(dags: dict[str, Any]) -> None:
    """The tasks from plan to load, and the edges between them, are those of `prices_daily`."""
    daily, event = dags["prices_daily"], dags["prices_on_event"]
    body = set(daily.task_ids) - {"resolve_request", "close_run"}
    for task_id in body:
        assert (
            daily.get_task(task_id).downstream_task_ids & body
            == event.get_task(task_id).downstream_task_ids & body
        )


@pytest.mark.parametrize("file", sorted((REPOSITORY / "dags").glob("*.py")), ids=lambda file: file.stem)
def test_parsing_a_dag_imports_nothing_heavy(file: Path) -> None:
    """Every task process parses its DAG file: what it imports is paid by each of them."""
    code = (
        "import runpy, sys; import airflow.sdk; before = set(sys.modules)\n"
        f"runpy.run_path({str(file)!r})\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules) - before))"
    )
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1].split() == []


def test_every_plugin_file_is_a_plugin() -> None:
    """The plugin loader runs every file under its module name: another name could replace a library."""
    names = [file.name for file in (REPOSITORY / "plugins").rglob("*.py")]
    assert names
    assert all(name.endswith("_plugin.py") for name in names)
    assert (REPOSITORY / "plugins" / ".airflowignore").read_text().split() == ["*.py", "!*_plugin.py"]
