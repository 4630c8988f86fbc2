from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from include.clients.postgres import Postgres
from include.clients.postgres.retention import RULES, delete_old

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=timezone.utc)
AGES = (0, 89, 91, 399, 401, 2_000)


@pytest.fixture
def log(database: Postgres) -> Postgres:
    """An execution, a line of it and a measurement of each age in days."""
    for days in AGES:
        bound = {"at": NOW - timedelta(days=days), "run": f"{days} days ago"}
        database.execute(
            "WITH e AS (INSERT INTO etl_executions (dag_id, run_id, task_id, job_name, start_time, status) "
            "VALUES ('d', %(run)s, 't', 'j', %(at)s, 'completed') RETURNING id) "
            "INSERT INTO etl_logs (execution_id, job_name, timestamp, level, message) "
            "SELECT id, 'j', %(at)s, 'info', 'm' FROM e",
            bound,
        )
        database.execute(
            "INSERT INTO data_quality_metrics (job_name, dag_id, run_id, measured_at, total_records, "
            "valid_records, invalid_records) VALUES ('j', 'd', %(run)s, %(at)s, 1, 1, 0)",
            bound,
        )
    return database


def test_each_table_keeps_what_its_rule_says(log: Postgres) -> None:
    log.execute("INSERT INTO daily_prices (symbol, date, close) VALUES ('A', '2026-01-02', 1)")
    expected = {"etl_logs": 4, "etl_executions": 2, "data_quality_metrics": 2}
    assert delete_old(log, NOW, batch=1) == expected
    for rule in RULES:
        rows = log.query(f"SELECT {rule.column} AS at FROM {rule.table}")
        ages = sorted((NOW - row["at"]).days for row in rows)
        assert ages == [age for age in AGES if age < rule.days], rule.table
    assert log.query("SELECT count(*) AS n FROM daily_prices") == [{"n": 1}]


def test_doing_it_again_deletes_nothing(log: Postgres) -> None:
    delete_old(log, NOW)
    assert set(delete_old(log, NOW).values()) == {0}
