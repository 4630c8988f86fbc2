"""What the status API answers: seed 004's shapes, over a real execution log; rights are in `test_rights.py`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from include.clients.postgres import Postgres, PostgresAddress
from tests.status.conftest import NOW, Ask

pytestmark = pytest.mark.integration


def instant(text: str) -> datetime:
    assert text.endswith("Z"), text
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_the_status_is_that_of_each_jobs_last_run(ask: Ask) -> None:
    answer = ask("/status").json()
    assert set(answer) == {"overallStatus", "lastExecution", "nextExecution", "jobs"}
    assert all(set(job) == {"name", "status", "lastRun", "nextRun"} for job in answer["jobs"])
    assert {job["name"]: job["status"] for job in answer["jobs"]} == {
        "load_symbols": "running", "status_loads": "failed", "status_prices": "success",
    }  # fmt: skip
    assert answer["overallStatus"] == "degraded"
    assert instant(answer["lastExecution"]) == NOW - timedelta(hours=1)
    assert instant(answer["nextExecution"]) == NOW + timedelta(hours=1)
    assert [job["nextRun"] and instant(job["nextRun"]) for job in answer["jobs"]] == [
        NOW + timedelta(days=3), None, NOW + timedelta(hours=1),
    ]  # fmt: skip


def test_only_jobs_all_of_whose_dags_may_be_read_are_shown(ask: Ask) -> None:
    assert [job["name"] for job in ask("/status", ("status_loads", "weekly")).json()["jobs"]] == [
        "status_loads"
    ]
    lines = ask("/logs", ("status_loads", "weekly")).json()
    assert {line["metadata"]["job"] for line in lines["logs"]} == {"status_loads"}
    assert lines["pagination"]["total"] == len(lines["logs"]) == 6
    nothing = ask("/status", ()).json()
    assert nothing == {"overallStatus": "healthy", "lastExecution": None, "nextExecution": None, "jobs": []}


def test_the_log_is_read_page_by_page_the_newest_first(ask: Ask) -> None:
    first, second = (ask("/logs", limit=4, page=page).json() for page in (1, 2))
    whole = ask("/logs", limit=500).json()
    assert first["logs"] + second["logs"] == whole["logs"][:8]
    assert first["pagination"] == {"total": len(whole["logs"]), "page": 1, "limit": 4}
    assert second["pagination"]["page"] == 2
    times = [instant(line["timestamp"]) for line in whole["logs"]]
    assert times == sorted(times, reverse=True)
    assert ask("/logs", page=9999).json()["logs"] == []


def test_a_line_says_of_which_try_of_which_task_it_is(ask: Ask) -> None:
    (line,) = ask("/logs", job="status_loads", level="error").json()["logs"]
    assert set(line) == {"timestamp", "level", "message", "metadata"}
    assert line["message"] == "load failed: ValueError: no"
    assert line["metadata"] == {
        "source": "test", "job": "status_loads", "dagId": "status_loads", "runId": "run-2", "taskId": "load",
        "mapIndex": -1, "tryNumber": 1,
    }  # fmt: skip


def test_the_total_is_of_what_is_asked_for(ask: Ask) -> None:
    def total(**params: Any) -> int:
        return int(ask("/logs", limit=1, **params).json()["pagination"]["total"])

    assert total(job="status_loads") == 6
    assert total(job="status_loads", level="error") == 1
    assert total(level="error") == 3
    assert total(level="warn") == 0


def test_new_lines_are_in_the_total_at_once(ask: Ask, log_address: PostgresAddress) -> None:
    """Lines by the ten thousand: the totals of settled ones are kept, and only the newest counted again."""
    insert = (
        "INSERT INTO etl_logs (job_name, level, message, timestamp) SELECT 'status_prices', 'warn', 'bulk', "
        "now() - interval '1 year' FROM generate_series(1, %s)"
    )
    before = ask("/logs", job="status_prices").json()["pagination"]["total"]
    with Postgres(log_address) as database:
        try:
            for lines, total in ((25_000, 25_000), (7, 25_007), (25_000, 50_007), (1, 50_008)):
                database.execute(insert, [lines])
                found = ask("/logs", job="status_prices").json()["pagination"]["total"]
                assert found == before + total
        finally:
            database.execute("DELETE FROM etl_logs WHERE message = 'bulk'")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"job": "prices"}, "load_symbols, status_loads, status_prices"),
        ({"level": "fatal"}, "'info', 'warn' or 'error'"),
        ({"limit": 501}, "500"),
        ({"limit": 0}, "1"),
        ({"page": 0}, "1"),
        ({"page": "first"}, "integer"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_right(ask: Ask, params: dict[str, Any], said: str) -> None:
    answer = ask("/logs", **params)
    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["query", next(iter(params))]
    assert said in fault["msg"]


def test_a_job_of_a_closed_dag_is_as_unknown_as_any(ask: Ask) -> None:
    answer = ask("/logs", ("status_loads",), job="status_prices")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"] == "Unknown job. Known: status_loads"


def test_a_database_that_is_away_is_503_and_one_sentence(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.status import database

    away = PostgresAddress(host="127.0.0.1", port=1, database="fundamentals", user="me", password="geheim")
    monkeypatch.setattr(database, "_pool", Postgres(away))
    for path in ("/status", "/logs"):
        answer = ask(path)
        assert (answer.status_code, answer.json()) == (503, {"detail": database.AWAY})


def test_the_description_names_both_answers(ask: Ask) -> None:
    described = ask("/openapi.json").json()
    assert {"/status", "/logs"} <= set(described["paths"])
    assert set(described["paths"]["/logs"]["get"]["responses"]) == {"200", "401", "403", "422", "503"}
    assert described["servers"] == [{"url": "/api/etl"}]
