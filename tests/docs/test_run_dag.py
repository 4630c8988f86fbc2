"""`scripts/run-dag`, with which the workflows run a DAG: connections from the environment, exit code, log and report."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from devstack.home import REPO
from devstack.stack import Stack

pytestmark = pytest.mark.integration


def run_dag(folder: Path, environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run the script as a workflow's step does; return its exit code and the report."""
    summary = folder / "summary.md"
    done = subprocess.run(
        [REPO / "scripts" / "run-dag", *arguments],
        env=environment | {"TAPELINE_RUN": str(folder), "GITHUB_STEP_SUMMARY": str(summary)},
        cwd="/", capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert (folder / "report.md").exists(), done.stdout[-2000:] + done.stderr[-2000:]
    assert (folder / "report.md").read_text() in summary.read_text()
    return done.returncode, (folder / "report.md").read_text()


def test_a_dag_runs_with_the_connections_of_the_environment_alone(stack: Stack, tmp_path: Path) -> None:
    whole = stack.environment()
    given = {
        name: value for name, value in whole.items() if name.startswith(("AIRFLOW_CONN_", "AIRFLOW_VAR_"))
    }
    fresh = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ} | given
    settings = "jobs=load_symbols\nsymbols=\nstart=\nend=\nforce=false\ndry_run=false\n"

    code, report = run_dag(
        tmp_path, fresh, "--date", "2013-03-01", "--settings", settings, "fundamentals_manual"
    )
    log = (tmp_path / "run.log").read_text()
    assert code == 0, log[-3000:]
    assert report.startswith("## fundamentals_manual: success")
    assert '`{"jobs": ["load_symbols"], "force": false, "dry_run": false}`' in report
    assert not [password for password in _passwords(stack) if password in log]

    code, report = run_dag(
        tmp_path, fresh, "--date", "2013-03-01", "fundamentals_manual", "jobs=load_nothing"
    )
    assert code == 1
    assert report.startswith("## fundamentals_manual: failed")
    assert "InvalidRequest" in report


def _passwords(stack: Stack) -> list[str]:
    return [stack.home.secret(name) for name in ("aws", "postgres", "warehouse")]
