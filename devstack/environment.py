"""The environment in which plain `airflow`, `aws` and boto3 talk to one local default."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devstack.deploy import settings_of
from devstack.home import REPO, Home
from devstack.ports import LOOPBACK
from devstack.services import AWS_KEY_ID, REGION, aws_credentials, http_url, without_proxy
from devstack.settings_file import read_settings
from include.core.settings import VARIABLE

UNSET = ("PYTHONDONTWRITEBYTECODE", "AWS_PROFILE", "AWS_SESSION_TOKEN")
"""Without bytecode every process compiles Airflow again; a profile would beat the credentials."""


def local_environment(home: Home, port: Callable[[str], int]) -> dict[str, str]:
    """Return the variables (PATH left out) for the services on the ports that `port` knows by name."""
    environment = {
        "TAPELINE_HOME": str(home.path),
        "PYTHONPATH": str(REPO),
        "AWS_ENDPOINT_URL": http_url(port("aws")),
        **aws_credentials(home),
        **without_proxy(),
        **airflow_environment(home),
    }
    connections: dict[str, dict[str, Any]] = {
        "aws_default": {
            "login": AWS_KEY_ID,
            "password": home.secret("aws"),
            "extra": {"region_name": REGION, "endpoint_url": http_url(port("aws"))},
        },
        "clickhouse_default": {
            "host": LOOPBACK,
            "port": port("warehouse"),
            "login": "tapeline",
            "password": home.secret("warehouse"),
            "extra": {"interface": "http", "s3_access": "server"},
        },
        "fundamentals_db": {
            "host": LOOPBACK,
            "port": port("postgres"),
            "login": "postgres",
            "password": home.secret("postgres"),
        },
        "yahoo_default": {"host": http_url(port("replay"))},
        "fmp_default": {
            "host": http_url(port("replay")),
            "password": home.secret("fmp"),
            "extra": {"requests_per_minute": 6000},  # the replay sells no plan
        },
    }
    settings = settings_of("local", home.deployment())
    variables = {VARIABLE: settings.model_dump_json(exclude_none=True)}
    return {**environment, **read_settings().environment(connections, variables)}


def airflow_environment(home: Home) -> dict[str, str]:
    """Return Airflow's own settings for one-shot commands: an own metadata database on SQLite."""
    return {
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home.airflow / 'airflow.db'}",
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPO / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPO / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # a developer waits for retries: 2, 4, 8 … seconds, not 5 minutes
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "2",
        "AIRFLOW__CORE__FERNET_KEY": home.secret("fernet") + "=",
        "AIRFLOW__API__SECRET_KEY": home.secret("api"),
        "AIRFLOW__API_AUTH__JWT_SECRET": home.secret("jwt"),
        "PYTHONWARNINGS": "ignore::DeprecationWarning,ignore::UserWarning:airflow.cli.commands.dag_command,ignore:::fastapi.testclient",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def shell_exports(environment: dict[str, str]) -> str:
    """Return lines for `eval` in sh, bash and zsh; every value is quoted, PATH gets our folder first."""
    binaries = str(Path(sys.prefix) / "bin")
    lines = [f"unset {name}" for name in UNSET]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    if os.environ.get("PATH", "").split(os.pathsep)[0] != binaries:
        lines.append(f'export PATH={shlex.quote(binaries)}:"$PATH"')
    return "\n".join(lines)
