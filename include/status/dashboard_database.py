"""What the dashboard asks the database of executions: sums by SQL, never rows by the thousand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.status.dashboard_ranges import Span
from include.status.dashboard_sources import Answer

if TYPE_CHECKING:
    from include.clients.postgres import Postgres

SOURCE = "PostgreSQL"
FAILURES_SHOWN = 10
_SQL = Path(__file__).with_name("sql") / "postgres"
_COLUMNS = ("tries", "failed_tries", "records_processed", "records_failed")
Row = dict[str, Any]


def query_history(postgres: Postgres, span: Span, dags: list[str]) -> Answer:
    """Return, for each DAG that ran, a number a bucket of each of: tries, failed tries, records, failed records."""
    rows = _query(postgres, "select_history", **span.parameters, dags=dags)
    place = {bucket: number for number, bucket in enumerate(span.buckets)}
    series: dict[str, dict[str, Any]] = {}
    for row in rows:
        empty = {column: [0] * len(span.buckets) for column in _COLUMNS}
        line = series.setdefault(row["dag_id"], {"dag_id": row["dag_id"], **empty})
        if row["bucket"] in place:  # a clock that is ahead of ours
            for column in _COLUMNS:
                line[column][place[row["bucket"]]] = row[column]
    return {
        "buckets": span.buckets,
        "bucket_seconds": span.bucket.total_seconds(),
        "series": [series[name] for name in sorted(series)],
    }


def query_failures(postgres: Postgres, span: Span, dags: list[str]) -> Answer:
    """Return the newest failed tries of the stretch."""
    rows = _query(postgres, "select_failures", since=span.since, dags=dags, count=FAILURES_SHOWN)
    return {"failures": rows, "limit": FAILURES_SHOWN}


def query_quality(postgres: Postgres, span: Span, dags: list[str]) -> Answer:
    """Return each job's newest quality metrics, and its share of valid records (percent) a bucket."""
    newest = _query(postgres, "select_quality", since=span.since, dags=dags)
    place = {bucket: number for number, bucket in enumerate(span.buckets)}
    shares: dict[str, list[float | None]] = {row["job_name"]: [None] * len(place) for row in newest}
    for row in _query(postgres, "select_quality_history", **span.parameters, dags=dags):
        if row["total_records"] and row["bucket"] in place and row["job_name"] in shares:
            share = 100 * row["valid_records"] / row["total_records"]
            shares[row["job_name"]][place[row["bucket"]]] = round(share, 3)
    return {
        "buckets": span.buckets,
        "jobs": [{**row, "valid_percent": shares[row["job_name"]]} for row in newest],
    }


def query_newest_data(postgres: Postgres) -> Answer:
    """Return the youngest data of each table of fundamentals."""
    return {"tables": _query(postgres, "select_newest_data")}


def _query(postgres: Postgres, name: str, **parameters: Any) -> list[Row]:
    """Ask in a transaction that can write nothing and is given up before its reader has gone."""
    with postgres.connection() as connection:
        connection.execute("SET TRANSACTION READ ONLY")
        connection.execute("SET LOCAL statement_timeout = '7s'")
        connection.execute(
            "SET LOCAL work_mem = '32MB'"
        )  # a year is summed by hashing, not by sorting its rows
        return connection.execute(_statement(name), parameters).fetchall()


@cache
def _statement(name: str) -> str:
    return (_SQL / f"dashboard_{name}.sql").read_text()
