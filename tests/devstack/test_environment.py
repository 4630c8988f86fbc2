"""`tapeline env` is safe for every shell, and points everything at the local default."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.environment import shell_exports
from devstack.home import REPO
from devstack.stack import Stack
from include.core.settings import VARIABLE, parse_settings

SHELLS = [shell for shell in ("sh", "bash", "dash", "zsh") if shutil.which(shell)]
TAPELINE = [sys.executable, "-m", "devstack.cli"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_gets_exactly_the_values(shell: str) -> None:
    nasty = {"A": "a b", "B": 'it\'s "quoted" $HOME `id` \\ !', "C": '{"json": ["*"]}', "D": ""}
    script = (
        f"{shell_exports(nasty)}\n{sys.executable} -c 'import json,os; print(json.dumps(dict(os.environ)))'"
    )
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=True)
    assert {name: json.loads(done.stdout)[name] for name in nasty} == nasty


def test_the_bytecode_ban_of_the_caller_is_lifted() -> None:
    script = f"export PYTHONDONTWRITEBYTECODE=1\n{shell_exports({})}\necho ${{PYTHONDONTWRITEBYTECODE-unset}}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "unset"


def test_evaluating_twice_does_not_lengthen_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "PATH=" in shell_exports({})
    monkeypatch.setenv("PATH", f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert "PATH=" not in shell_exports({})


def test_env_of_a_stack_that_is_down_prints_nothing_to_stdout(tmp_path: Path) -> None:
    done = subprocess.run(
        [*TAPELINE, "env"],
        env={**os.environ, "TAPELINE_HOME": str(tmp_path / "home")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "tapeline up" in done.stderr
    assert not (tmp_path / "home").exists(), "asking must not make the folder"


@pytest.mark.integration
def test_the_environment_reaches_every_service(running_stack: Stack) -> None:
    found = running_stack.environment()
    settings = parse_settings(found[f"AIRFLOW_VAR_{VARIABLE.upper()}"])
    assert settings.environment == "local"
    assert found["PYTHONPATH"] == str(REPO)
    aws = json.loads(found["AIRFLOW_CONN_AWS_DEFAULT"])
    assert aws["extra"]["endpoint_url"] == found["AWS_ENDPOINT_URL"]
    assert aws["password"] == found["AWS_SECRET_ACCESS_KEY"]
    warehouse = json.loads(found["AIRFLOW_CONN_CLICKHOUSE_DEFAULT"])
    assert warehouse["port"] == running_stack.supervisor.port("warehouse")
    assert warehouse["extra"] == {"interface": "http", "s3_access": "server"}


@pytest.mark.integration
def test_plain_boto3_talks_to_the_local_aws_after_eval_from_any_folder(
    running_stack: Stack, tmp_path: Path
) -> None:
    code = "import boto3; print([b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']])"
    script = f'eval "$({sys.executable} -m devstack.cli env)" && cd / && python -c "{code}"'
    done = subprocess.run(
        ["sh", "-c", script],
        env={**os.environ, "TAPELINE_HOME": str(running_stack.home.path)},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "tapeline-local-raw-000000000000" in done.stdout


@pytest.mark.integration
def test_the_one_shot_airflow_database_has_the_pool(running_stack: Stack) -> None:
    import sqlite3

    url = running_stack.environment()["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        pools = dict(database.execute("SELECT pool, slots FROM slot_pool"))
    assert pools["yahoo"] > 0
    assert "default_pool" in pools
