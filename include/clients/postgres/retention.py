"""What the tables that grow by themselves keep: the rule, and the deleting by it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg import sql

from include.clients.postgres.client import Postgres


class Kept(NamedTuple):
    """How long a table's rows are kept."""

    table: str
    column: str
    days: int


RULES = (
    Kept("etl_logs", "timestamp", 90),
    Kept("etl_executions", "start_time", 400),
    Kept("data_quality_metrics", "measured_at", 400),
)
"""The dashboard shows a year; lines of the log are wanted while somebody still asks what happened."""
BATCH = 20_000
"""Rows deleted in one transaction: nobody waits long for a lock, and a killed job loses little."""
_DELETE = sql.SQL(
    "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {column} < %s ORDER BY {column} LIMIT %s)"
)


def delete_old(database: Postgres, now: datetime, *, batch: int = BATCH) -> dict[str, int]:
    """Delete what is older than its rule; return the number of rows by table. Doing it again is safe."""
    deleted = {}
    for rule in RULES:
        statement = _DELETE.format(table=sql.Identifier(rule.table), column=sql.Identifier(rule.column))
        limit, count = now - timedelta(days=rule.days), 0
        while done := database.execute(statement, (limit, batch)):
            count += done
        deleted[rule.table] = count
    return deleted
