"""Entries into PostgreSQL. Imported only where something is written: psycopg is not light."""

from __future__ import annotations

import json
import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.orchestration.execution_log.entries import LOST, Entry, RunEnd

if TYPE_CHECKING:
    from airflow.sdk import Connection

log = logging.getLogger(__name__)
FOLDER = Path(__file__).parent / "sql" / "postgres"
CONNECT_SECONDS = 2
STATEMENT_MS = 5000


def write_entries(database: Connection, entries: list[Entry | RunEnd]) -> None:
    """Write entries in one transaction, by one connection that is not kept: a worker has many processes."""
    import psycopg

    from include.clients.postgres import address_from
    from include.clients.postgres.client import connect

    address = address_from(
        database.host,
        database.port,
        database.schema,
        database.login,
        database.password,
        database.extra_dejson,
    )
    with connect(
        address,
        connect_timeout=CONNECT_SECONDS,
        options=f"-c timezone=UTC -c statement_timeout={STATEMENT_MS}",
        prepare_threshold=None,
    ) as connection:
        for entry in entries:
            try:
                with connection.transaction():  # one that is refused does not take the others with it
                    _write_one(connection, entry)
            except (psycopg.DataError, psycopg.IntegrityError) as error:  # noqa: PERF203 - few entries
                log.warning("The execution log refused an entry (work goes on unhindered): %s", error)


def _write_one(connection: Any, entry: Entry | RunEnd) -> None:
    if isinstance(entry, RunEnd):
        bound = {"rows": _text(entry.rows), "dag_id": entry.dag_id, "run_id": entry.run_id}
        connection.execute(_sql("reconcile_run"), bound | {"now": entry.at, "lost": LOST})
    else:
        _write_entry(connection, entry)


def _write_entry(connection: Any, entry: Entry) -> None:
    row = {name: _clean(value) for name, value in entry.row.items()} | {"metadata": _text(entry.metadata)}
    found = connection.execute(_sql("upsert_execution"), row).fetchone()
    execution_id, job = found["id"], entry.row["job_name"]
    with connection.cursor() as cursor:
        cursor.executemany(
            _sql("insert_log"),
            [
                {
                    "execution_id": execution_id,
                    "job_name": job,
                    "timestamp": entry.at,
                    "level": line.level,
                    "message": _clean(line.message),
                    "metadata": _text(line.metadata),
                }
                for line in entry.lines
            ],
        )
        for measured in entry.quality:
            cursor.execute(
                _sql("insert_quality"),
                {
                    **{name: entry.row[name] for name in ("job_name", "dag_id", "run_id")},
                    "measured_at": entry.at,
                    "total": measured.total,
                    "valid": measured.valid,
                    "missing_fields": list(measured.missing_fields),
                    "duplicates": measured.duplicates,
                    "freshness": measured.freshness,
                },
            )


def _text(value: Any) -> str:
    """Return JSON that PostgreSQL takes: NUL is no character there, and NaN no number."""
    return json.dumps(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_clean(str(name)): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)
    return value if value is None or isinstance(value, (int, bool)) else _clean(str(value))


def _clean(value: Any) -> Any:
    return value.replace("\x00", "") if isinstance(value, str) else value


@cache
def _sql(name: str) -> str:
    return (FOLDER / f"{name}.sql").read_text()
