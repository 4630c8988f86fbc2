"""airflow_settings.yaml names every connection once, keeps no secret, and is what `env` exports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devstack.settings_file import read_settings
from include.core.settings import VARIABLE, parse_settings

EXPECTED = {
    "aws_default", "clickhouse_default", "fundamentals_db", "yahoo_default", "fmp_default",
    "slack_default", "smtp_default",
}  # fmt: skip


def test_the_file_lists_every_connection_and_no_password() -> None:
    found = read_settings().connections
    assert set(found) == EXPECTED
    assert not [name for name, fields in found.items() if fields.get("password")]


def test_the_example_variable_is_valid() -> None:
    assert parse_settings(read_settings().variables[VARIABLE]).environment == "dev"


def test_local_values_replace_the_files_and_the_rest_stays() -> None:
    found = read_settings().environment({"clickhouse_default": {"host": "127.0.0.1", "port": 8123}}, {})
    connection = json.loads(found["AIRFLOW_CONN_CLICKHOUSE_DEFAULT"])
    assert (connection["host"], connection["port"]) == ("127.0.0.1", 8123)
    assert connection["conn_type"] == "generic"


def test_a_connection_that_the_file_does_not_list_is_refused() -> None:
    with pytest.raises(KeyError, match="mysql_default"):
        read_settings().environment({"mysql_default": {}}, {})


def test_the_pool_is_read(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("airflow:\n  pools:\n    - {pool_name: yahoo, pool_slot: 3, pool_description: }\n")
    (pool,) = read_settings(file).pools
    assert (pool.name, pool.slots, pool.description) == ("yahoo", 3, "")
