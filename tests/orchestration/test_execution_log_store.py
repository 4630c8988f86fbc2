"""Rows of the execution log, in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from devstack.stack import Stack
from include.clients.postgres import Postgres
from include.orchestration.execution_log.entries import Entry, RunEnd, entry_ended, entry_started, run_ended
from include.orchestration.execution_log.records import Book, Quality
from include.orchestration.execution_log.store import write_entries
from tests.status.log_database import BEGIN, connection_to, executions, lines, make_database, make_try

pytestmark = pytest.mark.integration
Write = Callable[..., None]


@pytest.fixture(scope="module")
def shared(stack: Stack) -> Iterator[Postgres]:
    database = Postgres(make_database(stack))
    yield database
    database.close()


@pytest.fixture
def database(shared: Postgres) -> Postgres:
    shared.execute("TRUNCATE etl_executions, etl_logs, data_quality_metrics RESTART IDENTITY")
    return shared


@pytest.fixture
def write(database: Postgres) -> Write:
    def write(*entries: Entry | RunEnd) -> None:
        write_entries(connection_to(database.address), list(entries))

    return write


def ended(ti: Any, status: str, book: Book | None = None, error: str | None = None) -> Entry:
    return entry_ended(ti, "prices", status, book=book or Book(), error=error)


def run_end(*tasks: Any) -> RunEnd:
    return run_ended("prices", "run-1", tasks, lambda dag_id, _: dag_id)


def test_a_try_is_one_row_from_its_start_to_its_end(database: Postgres, write: Write) -> None:
    book = Book(processed=5, failed=1, reported=True, metadata={"symbols": ["AAPL"], "ratio": float("nan")})
    done = make_try(state="success", rendered_map_index="AAPL", map_index=3)
    write(entry_started(make_try(map_index=3), "prices"), ended(done, "completed", book))
    row = executions(database)["load/1"]
    assert (row["status"], row["records_processed"], row["records_failed"]) == ("completed", 5, 1)
    assert row["end_time"] - row["start_time"] == timedelta(minutes=1)
    assert row["metadata"] == {
        "map_label": "AAPL", "try": 1, "host": "worker-1", "log": "http://airflow/log", "symbols": ["AAPL"],
        "ratio": "nan",
    }  # fmt: skip
    assert lines(database) == [
        "info load[3] started, try 1",
        "warn load[AAPL] completed in 60.0 s: 5 processed, 1 failed",
    ]


def test_the_same_events_again_change_no_row(database: Postgres, write: Write) -> None:
    events = [entry_started(make_try(), "prices"), ended(make_try(state="failed"), "failed", error="E: no")]
    write(*events)
    before = executions(database)
    write(*events)
    assert executions(database) == before


def test_each_try_has_its_own_row(database: Postgres, write: Write) -> None:
    write(ended(make_try(state="up_for_retry"), "failed", error="ValueError: no"))
    write(ended(make_try(state="success", try_number=2), "completed"))
    assert {key: row["status"] for key, row in executions(database).items()} == {
        "load/1": "failed", "load/2": "completed",
    }  # fmt: skip


def test_the_end_of_a_run_tells_of_tasks_that_could_not(database: Postgres, write: Write) -> None:
    """The first try was killed and tried again, the second killed for good; what came after was never run."""
    write(entry_started(make_try(), "prices"), entry_started(make_try(try_number=2, minutes=5), "prices"))
    never = make_try("publish", state="upstream_failed", try_number=0, start_date=None)
    write(run_end(make_try(state="failed", try_number=2, minutes=5), never))
    rows = executions(database)
    assert {key: row["status"] for key, row in rows.items()} == {
        "load/1": "failed", "load/2": "failed", "publish/0": "failed",
    }  # fmt: skip
    assert rows["load/1"]["end_time"] == BEGIN + timedelta(minutes=5)
    assert "process was killed" in rows["load/2"]["error_message"]
    assert rows["publish/0"]["error_message"] == "was not run: a task before it failed"
    assert sum(line.startswith("error") for line in lines(database)) == 3


def test_the_end_of_a_run_leaves_what_tasks_said_themselves(database: Postgres, write: Write) -> None:
    book = Book(processed=5, reported=True)
    write(ended(make_try(state="success"), "completed", book))
    write(ended(make_try("publish", state="failed"), "failed", error="ValueError: no"))
    before, said = executions(database), lines(database)
    write(run_end(make_try(state="success"), make_try("publish", state="failed")))
    assert executions(database) == before
    assert lines(database) == said


def test_a_task_that_speaks_after_the_end_of_its_run_keeps_its_counts(
    database: Postgres, write: Write
) -> None:
    write(run_end(make_try(state="success")))
    write(entry_started(make_try(), "prices"))
    assert executions(database)["load/1"]["status"] == "completed"
    write(ended(make_try(state="success"), "completed", Book(processed=5, reported=True)))
    assert executions(database)["load/1"]["records_processed"] == 5


def test_a_state_set_by_hand_keeps_what_the_task_counted(database: Postgres, write: Write) -> None:
    write(ended(make_try(state="success"), "completed", Book(processed=5, reported=True)))
    write(ended(make_try(state="failed"), "failed", error="set by hand"))
    row = executions(database)["load/1"]
    assert (row["status"], row["error_message"], row["records_processed"]) == ("failed", "set by hand", 5)
    write(ended(make_try(state="success"), "completed"))
    assert executions(database)["load/1"]["error_message"] is None


def test_quality_is_stored_and_said(database: Postgres, write: Write) -> None:
    quality = Quality(total=10, valid=8, duplicates=1, missing_fields=["volume"], freshness=BEGIN)
    write(ended(make_try(state="success"), "completed", Book(quality=[quality])))
    (row,) = database.query("SELECT * FROM data_quality_metrics")
    assert (row["job_name"], row["dag_id"], row["run_id"]) == ("prices", "prices", "run-1")
    assert (row["total_records"], row["valid_records"], row["invalid_records"]) == (10, 8, 2)
    assert (row["missing_fields"], row["duplicate_records"], row["data_freshness"]) == (["volume"], 1, BEGIN)
    assert "warn load quality: 8 of 10 records valid, 2 invalid, 1 duplicate" in lines(database)


def test_a_text_that_postgresql_cannot_hold_costs_only_its_odd_character(
    database: Postgres, write: Write
) -> None:
    book = Book(metadata={"why\x00": "cut\x00here"})
    write(ended(make_try(state="failed"), "failed", book, error="ValueError: \x00 in the answer"))
    assert executions(database)["load/1"]["error_message"] == "ValueError:  in the answer"


def test_an_entry_that_is_refused_does_not_take_others_with_it(
    database: Postgres, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write(
        ended(make_try("bad", state="success"), "no such status"),
        ended(make_try(state="success"), "completed"),
    )
    assert list(executions(database)) == ["load/1"]
    assert "refused an entry" in caplog.text
