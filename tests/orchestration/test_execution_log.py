"""The execution log beside a task's work: what is counted, and that a log which is broken or slow is not felt."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from include.orchestration.execution_log import records
from include.orchestration.execution_log.entries import entry_ended, error_text
from include.orchestration.execution_log.writer import Writer
from tests.status.log_database import make_try


def test_what_a_task_reports_adds_up_and_later_facts_replace_earlier_ones() -> None:
    records.open_book()
    records.report_records(processed=3, failed=1, source="a")
    records.report_records(processed=4, source="b")
    book = records.take_book()
    assert (book.processed, book.failed, book.metadata) == (7, 1, {"source": "b"})


def test_a_report_outside_a_task_is_kept_nowhere() -> None:
    records.take_book()
    records.report_records(processed=3)
    records.report_quality(records.Quality(total=1, valid=1))
    assert records.take_book() == records.Book()


def test_a_task_that_counts_nothing_is_not_one_that_counted_zero() -> None:
    ended = entry_ended(make_try(state="success"), "prices", "completed", book=records.Book())
    assert ended.row["processed"] is None
    records.open_book()
    records.report_records(processed=0)
    ended = entry_ended(make_try(state="success"), "prices", "completed", book=records.take_book())
    assert ended.row["processed"] == 0


@pytest.mark.parametrize(
    ("state", "status", "book", "level"),
    [
        ("success", "completed", records.Book(processed=2, reported=True), "info"),
        ("success", "completed", records.Book(processed=2, failed=1, reported=True), "warn"),
        ("up_for_retry", "failed", records.Book(), "warn"),
        ("failed", "failed", records.Book(), "error"),
        ("skipped", "skipped", records.Book(), "info"),
    ],
)
def test_a_failure_is_an_error_and_what_is_tried_again_a_warning(
    state: str, status: str, book: records.Book, level: str
) -> None:
    ended = entry_ended(make_try(state=state), "prices", status, book=book, error="ValueError: no")
    assert [line.level for line in ended.lines] == [level]


def test_an_error_says_its_type_and_hides_secrets() -> None:
    from airflow.sdk.log import mask_secret

    mask_secret("geheim-4711")
    assert error_text(ValueError("login with geheim-4711 failed")) == "ValueError: login with *** failed"


def test_entries_are_written_in_order_and_the_thread_ends_with_them() -> None:
    written: list[int] = []
    writer: Writer[int] = Writer(written.extend)
    for number in range(100):
        writer.put(number)
    writer.wait(60)
    assert written == list(range(100))
    assert "execution-log" not in {thread.name for thread in threading.enumerate()}


def raise_always(_: list[int]) -> None:
    raise RuntimeError("the database is broken")


def test_a_log_that_fails_says_so_once_and_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    tried: list[int] = []

    def write(batch: list[int]) -> None:
        tried.extend(batch)
        raise_always(batch)

    writer: Writer[int] = Writer(write)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            writer.put(number)
            writer.wait(60)
    assert tried == [0]
    assert [record.message for record in caplog.records] == [
        "The execution log is not written for 60 s (work goes on unhindered): RuntimeError: the database is broken"
    ]


def test_after_the_pause_it_is_tried_again() -> None:
    writer: Writer[int] = Writer(raise_always, pause=0)
    writer.put(1)
    writer.wait(60)
    assert not writer.is_paused


def test_a_log_that_hangs_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()
    writer: Writer[int] = Writer(lambda _: _until(release))
    try:
        writer.put(1)
        with caplog.at_level(logging.WARNING):
            writer.wait(0.01)
        assert writer.is_paused
        assert "no answer within 0.01 s" in caplog.text
    finally:
        release.set()


def _until(release: threading.Event) -> None:
    release.wait(60)


def test_a_forked_task_does_not_inherit_the_schedulers_hanging_log() -> None:
    release = threading.Event()
    writer: Writer[int] = Writer(lambda _: _until(release))
    writer.put(1)
    try:
        child = os.fork()
        if child == 0:
            os._exit(0 if _writes_again(writer) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        release.set()


def _writes_again(writer: Writer[int]) -> bool:
    written: list[int] = []
    write: Callable[[list[int]], None] = written.extend
    writer._write = write
    writer.put(2)
    writer.wait(60)
    return written == [2]


def test_what_every_task_process_imports_is_light() -> None:
    heavy = "{'psycopg', 'psycopg_pool', 'fastapi', 'sqlalchemy', 'include.clients.postgres', 'alembic'}"
    code = (
        "import sys, airflow.sdk; before = set(sys.modules)\n"
        "import include.orchestration.execution_log.listener\n"
        f"assert not {heavy} & (set(sys.modules) - before), {heavy} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
