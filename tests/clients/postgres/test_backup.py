from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.postgres import programs
from include.clients.postgres import Postgres, PostgresAddress
from include.clients.postgres.backup import backup, restore
from include.clients.postgres.client import connect
from include.clients.postgres.tables import TABLES
from include.clients.postgres.upsert import upsert
from include.core.errors import BackupFailed
from tests.clients.postgres.frames import checksum, prices

pytestmark = pytest.mark.integration


@pytest.fixture
def filled(database: Postgres) -> Postgres:
    """A database with rows in tables with and without partitions, and in the log."""
    with database.connection() as connection:
        upsert(connection, "daily_prices", prices(symbols=3, days=800))
        upsert(connection, "daily_ma", prices(days=400).select("symbol", "date", ma_20="close"))
        connection.execute("INSERT INTO symbols (symbol, name, exchange) VALUES ('A', 'Ünï', 'NYSE')")
        connection.execute(
            "WITH e AS (INSERT INTO etl_executions (dag_id, run_id, task_id, job_name, start_time, status) "
            "VALUES ('d', 'r', 't', 'j', now(), 'completed') RETURNING id) "
            "INSERT INTO etl_logs (execution_id, job_name, level, message) SELECT id, 'j', 'info', 'm' FROM e"
        )
    return database


def _state(database: Postgres) -> dict[str, tuple[int, str | None]]:
    return {name: checksum(database, name) for name in (*TABLES, "etl_logs", "data_quality_metrics")}


def _databases(address: PostgresAddress) -> set[str]:
    with connect(address) as connection:
        return {row["datname"] for row in connection.execute("SELECT datname FROM pg_database")}


def test_what_was_dropped_or_changed_since_is_as_it_was(filled: Postgres, tmp_path: Path) -> None:
    before, file = _state(filled), tmp_path / "fundamentals.dump"
    assert backup(filled.address, file, programs()) == file.stat().st_size > 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    filled.execute("DROP TABLE ratios; UPDATE daily_prices SET close = 1; DELETE FROM daily_ma")
    filled.execute("CREATE TABLE made_since (x int)")

    assert restore(filled.address, file, programs()) == "0001"
    assert _state(filled) == before  # by the pool's connections, which were cut off
    assert filled.query("SELECT to_regclass('made_since') AS none") == [{"none": None}]
    (row,) = filled.query(
        "INSERT INTO etl_logs (job_name, level, message) VALUES ('j', 'info', 'n') RETURNING id"
    )
    assert row["id"] == 2  # numbers go on

    with connect(replace(filled.address, database="postgres"), autocommit=True) as other:
        other.execute(f"DROP DATABASE {filled.address.database} WITH (FORCE)")
    restore(filled.address, file, programs())
    assert _state(filled) == before


def test_a_broken_backup_changes_nothing(filled: Postgres, empty: PostgresAddress, tmp_path: Path) -> None:
    before, whole = _state(filled), tmp_path / "whole.dump"
    backup(filled.address, whole, programs())
    backup(empty, tmp_path / "other.dump", programs())
    (tmp_path / "cut.dump").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / "text.dump").write_text("SELECT 1;")
    databases = _databases(filled.address)
    for name, says in {
        "cut.dump": "as it was",
        "text.dump": "as it was",
        "other.dump": "another database",
        "none.dump": "no file",
    }.items():
        with pytest.raises(BackupFailed, match=says):
            restore(filled.address, tmp_path / name, programs())
        assert _state(filled) == before, name
    assert _databases(filled.address) == databases


def test_what_a_killed_restore_left_is_in_nobodys_way(filled: Postgres, tmp_path: Path) -> None:
    before, file = _state(filled), tmp_path / "whole.dump"
    backup(filled.address, file, programs())
    names = [f"{filled.address.database}_{end}" for end in ("restoring", "replaced")]
    with connect(replace(filled.address, database="postgres"), autocommit=True) as other:
        for name in names:
            other.execute(f"CREATE DATABASE {name}")
    restore(filled.address, file, programs())
    assert _state(filled) == before
    assert not _databases(filled.address) & set(names)


def test_a_backup_that_fails_leaves_the_old_file(filled: Postgres, tmp_path: Path) -> None:
    file = tmp_path / "old.dump"
    file.write_text("old")
    with pytest.raises(BackupFailed, match="pg_dump"):
        backup(replace(filled.address, database="none"), file, programs())
    with pytest.raises(BackupFailed, match="not on PATH"):
        backup(filled.address, file, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["old.dump"]
    assert file.read_text() == "old"


def test_the_password_is_in_no_argument(address: PostgresAddress, tmp_path: Path) -> None:
    said = tmp_path / "said"
    program = tmp_path / "pg_dump"
    program.write_text(
        f'#!/bin/sh\necho "$@" > {said}\necho "$PGPASSWORD" >> {said}\necho failed >&2; exit 1\n'
    )
    program.chmod(0o755)
    with pytest.raises(BackupFailed, match="failed") as caught:
        backup(address, tmp_path / "x.dump", tmp_path)
    arguments, password = said.read_text().splitlines()
    assert "--format=custom" in arguments
    assert address.password not in arguments
    assert password == address.password
    assert address.password not in str(caught.value)
    assert "PGPASSWORD" not in os.environ
