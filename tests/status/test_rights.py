"""Who may ask the status API what, with Airflow's web server as it runs, under both auth managers."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import quote

import pytest

from include.clients.postgres import Postgres, PostgresAddress
from tests.conftest import free_port
from tests.status.servers import Server, serving

pytestmark = pytest.mark.integration
PATHS = ("/api/etl/status", "/api/etl/logs", "/api/etl/openapi.json")


@pytest.mark.timeout(900)
def test_airflows_own_rights_hold_under_both_auth_managers(
    log_address: PostgresAddress, tmp_path: Path
) -> None:
    """One test, since two web servers are what costs."""
    with serving(tmp_path, log_address, {"simple": free_port(), "fab": free_port()}) as servers:
        for server in servers.values():
            _check_rights(server)
            _check_next_run(server)
        _check_rows_of_closed_dags(servers["fab"])
        _check_state_set_by_hand(servers["simple"], log_address)
        _check_database_away(servers["simple"], log_address)


def _check_rights(server: Server) -> None:
    for path in PATHS:
        assert server.get(path).status_code == 401, path
        assert server.get(path, "admin").status_code == 200, path
        assert server.get(path, "viewer").status_code == 200, path
    for path in PATHS[:2]:
        assert server.get(path, "nobody").status_code == 403, path
    for path in ("/api/etl/docs", "/api/etl/redoc"):
        assert server.get(path).status_code in (401, 404), path


def _check_next_run(server: Server) -> None:
    """Airflow plans a run of the daily DAG, and none of the one without a schedule."""
    answer = server.get("/api/etl/status", "viewer").json()
    planned = {job["name"]: job["nextRun"] for job in answer["jobs"]}
    assert set(planned) == {"status_prices", "status_loads"}
    assert planned["status_loads"] is None
    dag = server.get("/api/v2/dags/status_prices", "viewer").json()
    assert planned["status_prices"] == answer["nextExecution"] == dag["next_dagrun_run_after"]


def _check_rows_of_closed_dags(server: Server) -> None:
    answer = server.get("/api/etl/status", "loader").json()
    assert [job["name"] for job in answer["jobs"]] == ["status_loads"]
    logs = server.get("/api/etl/logs", "loader").json()["logs"]
    assert {line["metadata"]["dagId"] for line in logs} == {"status_loads"}
    assert server.get("/api/etl/logs", "loader", job="status_prices").status_code == 422
    assert server.get("/api/etl/logs", "loader", dag_id="status_prices").status_code == 403


def _check_state_set_by_hand(server: Server, address: PostgresAddress) -> None:
    """The web server itself tells of the task, and of the end of the run; no scheduler runs here."""
    runs = "/api/v2/dags/status_loads/dagRuns"
    run = server.send("POST", runs, "admin", {"logical_date": "2026-03-01T00:00:00Z"})["dag_run_id"]
    path = f"{runs}/{quote(run)}"
    server.send("PATCH", f"{path}/taskInstances/load", "admin", {"new_state": "skipped"})
    with Postgres(address) as database:
        assert _await_status(database, run) == "skipped"
        server.send("PATCH", path, "admin", {"state": "success"})
        server.send("PATCH", f"{path}/taskInstances/load", "admin", {"new_state": "failed"})
        assert _await_status(database, run, "failed") == "failed"
        database.execute("DELETE FROM etl_executions WHERE run_id = %s", [run])


def _await_status(database: Postgres, run: str, wanted: str = "skipped", seconds: float = 60) -> str | None:
    """Return the status of the run's task once it is the wanted one: it is written beside the answer."""
    deadline, found = time.monotonic() + seconds, None
    while found != wanted and time.monotonic() < deadline:
        rows = database.query("SELECT status FROM etl_executions WHERE run_id = %s", [run])
        found = rows[0]["status"] if rows else None
        time.sleep(0.1)
    return found


def _check_database_away(server: Server, address: PostgresAddress) -> None:
    """The database is renamed and its connections ended, and later is there again."""
    from dataclasses import replace

    with Postgres(replace(address, database="postgres"), connections=1) as outside:
        _rename(outside, address.database, "away")
        try:
            for path in PATHS[:2]:
                answer = server.get(path, "viewer")
                assert answer.status_code == 503, answer.text
                assert address.password not in answer.text
        finally:
            _rename(outside, "away", address.database)
    assert server.get(PATHS[0], "viewer").status_code == 200


def _rename(outside: Postgres, old: str, new: str) -> None:
    from psycopg import sql

    outside.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(sql.Identifier(old)))
    outside.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
        [old],
    )
    outside.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
    )
    outside.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(sql.Identifier(new)))
