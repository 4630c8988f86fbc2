"""The GitHub workflows: pinned, with few rights, and of one schedule with the DAGs; their scripts do what they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.home import REPO

WORKFLOWS = sorted((REPO / ".github" / "workflows").glob("*.yml"))
FILES = [*WORKFLOWS, *(REPO / ".github" / "actions").rglob("action.yml")]
GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$GH_CALLS"
if [ "$1 $2" = "issue list" ]; then echo "$GH_OPEN_ISSUE"; fi
"""


def read(file: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(file.read_text())
    return found


def test_there_is_a_workflow_for_each_way_to_run() -> None:
    assert {"ci.yml", "etl-daily.yml", "etl-weekly.yml", "etl-manual.yml"} <= {
        file.name for file in WORKFLOWS
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(REPO / ".github")))
def test_an_action_of_others_is_pinned_by_commit_with_its_version_beside(file: Path) -> None:
    for line in re.findall(r"uses: (.+)", file.read_text()):
        ours = line.startswith("$/.github/")
        assert ours or re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_job_has_only_rights_of_its_own_and_an_end(file: Path) -> None:
    workflow = read(file)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert set(job["permissions"].items()) <= {("contents", "read"), ("issues", "write")}, name
        assert "uses" in job or job["timeout-minutes"] <= 360, name
        concurrency = job.get("concurrency") or workflow.get("concurrency")
        assert concurrency, name


def test_only_the_job_that_runs_no_dag_may_write_issues() -> None:
    jobs = read(REPO / ".github" / "workflows" / "run-dag.yml")["jobs"]
    assert "issues" not in jobs["run"]["permissions"]
    assert "secrets." not in json.dumps(jobs["tell"])


def test_ci_tests_every_python_that_is_supported() -> None:
    supported = {"3.10", "3.11", "3.12", "3.13"}
    assert 'requires-python = ">=3.10,<3.14"' in (REPO / "pyproject.toml").read_text()
    ci = read(REPO / ".github" / "workflows" / "ci.yml")
    assert set(ci["jobs"]["pythons"]["strategy"]["matrix"]["python"]) == supported


@pytest.mark.parametrize("kind", ["daily", "weekly"])
def test_a_workflow_has_the_schedule_of_its_dag(kind: str) -> None:
    from include.fundamentals.jobs import registry

    workflow = read(REPO / ".github" / "workflows" / f"etl-{kind}.yml")
    assert workflow[True]["schedule"] == [{"cron": registry().schedules[kind]}]  # YAML reads "on" as true
    assert workflow["jobs"]["fundamentals"]["with"] == {"dag": f"fundamentals_{kind}"}
    assert (REPO / "dags" / f"fundamentals_{kind}.py").exists()


def test_the_manual_workflow_asks_for_the_params_of_its_dag() -> None:
    from include.fundamentals.config import FundamentalsRequest

    workflow = read(REPO / ".github" / "workflows" / "etl-manual.yml")
    inputs = set(workflow[True]["workflow_dispatch"]["inputs"])
    assert inputs == set(FundamentalsRequest.model_fields)
    settings = workflow["jobs"]["fundamentals"]["with"]["settings"]
    assert set(settings.splitlines()) == {f"{name}=${{{{ inputs.{name} }}}}" for name in inputs}


def conf(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/run_conf.py", *arguments]
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=60, check=False)


def test_settings_of_a_workflow_become_the_runs_configuration() -> None:
    lines = "jobs=load_ratios, load_symbols\nsymbols=\nstart=2013-02-20\nend=\nforce=true\ndry_run=false\n"
    asked = json.loads(conf("fundamentals_manual", lines).stdout)
    assert asked == {
        "jobs": ["load_ratios", "load_symbols"], "start": "2013-02-20", "force": True, "dry_run": False,
    }  # fmt: skip
    hostile = json.loads(conf("fundamentals_manual", "symbols=$(touch /tmp/x) `id`").stdout)
    assert hostile == {
        "symbols": ["$(touch", "/tmp/x)", "`id`"]
    }  # words like any others, for the DAG to refuse
    assert json.loads(conf("prices_daily", "", 'override_config={"chunk_size": 1}').stdout) == {
        "override_config": {"chunk_size": 1}
    }


@pytest.mark.parametrize(
    "arguments", [("no_such_dag", ""), ("prices_daily", "not a pair"), ("prices_daily", "A-B=1")]
)
def test_settings_that_are_none_are_refused(arguments: tuple[str, str]) -> None:
    done = conf(*arguments)
    assert done.returncode == 2
    assert not done.stdout


@pytest.mark.parametrize(
    ("result", "open_issue", "calls"),
    [
        ("failure", "", ["issue list", "label create", "issue create"]),
        ("cancelled", "7", ["issue list", "issue comment 7"]),
        ("success", "7", ["issue list", "issue close 7"]),
        ("success", "", ["issue list"]),
    ],
)
def test_a_failing_dag_has_one_issue(tmp_path: Path, result: str, open_issue: str, calls: list[str]) -> None:
    gh = tmp_path / "gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "GH_CALLS": str(tmp_path / "calls"), "GH_OPEN_ISSUE": open_issue,
        "RUN_URL": "https://example.com/run/1",
    }  # fmt: skip
    subprocess.run(
        [REPO / "scripts" / "tell-issue", "fundamentals_daily", result], env=environment, check=True
    )
    made = [
        line for line in (tmp_path / "calls").read_text().splitlines() if line.startswith(("issue", "label"))
    ]
    assert [
        " ".join(line.split()[: len(call.split())]) for line, call in zip(made, calls, strict=True)
    ] == calls
    if len(calls) > 1:
        assert "https://example.com/run/1" in (tmp_path / "calls").read_text()
