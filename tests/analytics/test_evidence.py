"""Evidence is written whole or not at all, and says how many events are missing."""

from __future__ import annotations

import io
import logging
from typing import Any

import polars as pl
import pytest

from include.analytics.checks import judge_day
from include.analytics.evidence import write_day
from include.analytics.missing import Missing, find_missing
from include.analytics.report import Facts
from include.analytics.results import DayMoved, Results
from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from tests.analytics.days import DAY, DT, END, LATER, START, Lines, answers, clean_day

pytestmark = pytest.mark.integration
TRAFFIC = f"analytics/g1_traffic/ds={DT}/part-000.parquet"


def write(store: ObjectStore, results: Results, run_id: str = "manual__1") -> str:
    checks = judge_day(results, is_over=True, missing=None)
    return write_day(results, checks, Facts(DAY, run_id, LATER, "event-1"), curated=store, events=store)


def test_answers_of_two_moments_leave_nothing(raw: ObjectStore) -> None:
    results = answers(clean_day())
    with pytest.raises(DayMoved):
        write(raw, Results({**results.rows, "select_hours": [{"hour": "09", "line_count": 299}]}))
    assert list(raw.list_objects("")) == []


def test_a_days_evidence_is_replaced_by_the_next_run(raw: ObjectStore) -> None:
    write(raw, answers(clean_day(50)), "first")
    assert write(raw, answers(clean_day(60)), "second/run") == raw.uri(f"evidence/dt={DT}/report.html")
    frame = pl.read_parquet(io.BytesIO(raw.read(TRAFFIC)))
    assert set(frame["run_id"]) == {"second/run"}
    assert raw.read(f"evidence/dt={DT}/report.html") == raw.read(f"evidence/dt={DT}/runs/second-run.html")
    assert b"first" in raw.read(f"evidence/dt={DT}/runs/first.html")


def test_a_browser_shows_the_report_and_does_not_save_it(aws: Aws, raw: ObjectStore) -> None:
    write(raw, answers(clean_day(5)))
    for name in ("report.html", "runs/manual__1.html"):
        head = aws.client("s3").head_object(Bucket=raw.bucket, Key=f"evidence/dt={DT}/{name}")
        assert head["ContentType"] == "text/html; charset=utf-8"


def test_a_table_without_rows_is_a_file_only_where_there_was_one(raw: ObjectStore) -> None:
    write(raw, answers(Lines()))
    assert raw.head(TRAFFIC) is None
    assert raw.head(TRAFFIC.replace("parquet", "csv"))
    write(raw, answers(clean_day(5)))
    write(raw, answers(Lines()))
    assert pl.read_parquet(io.BytesIO(raw.read(TRAFFIC))).height == 0


def finished(table: Any, count: int) -> list[str]:
    """Put final requests of the day, and others that none of its events are asked of; return the ids."""
    ids = [f"req-{number:032x}" for number in range(count)]
    others = (("QUEUED", START), ("SUCCEEDED", START - 1), ("SUCCEEDED", END), ("RECEIVED", None))
    with table.batch_writer() as batch:
        for number, name in enumerate(ids):
            status = ("SUCCEEDED", "REJECTED", "FAILED_FINAL")[number % 3]
            batch.put_item(item(name, status, START if number % 2 else END - 1))
        for number, (status, queued) in enumerate(others):
            batch.put_item(item(f"req-other-{number}", status, queued))
        batch.put_item({"PK": "EVENT#e", "SK": "CAPACITY", "remaining": 1})
    return ids


def item(name: str, status: str, queued: int | None) -> dict[str, Any]:
    found = {
        "PK": f"REQUEST#{name}",
        "SK": "REQUEST",
        "requestId": name,
        "status": status,
        "filler": "x" * 4000,
    }
    return found | ({"queuedAt": queued} if queued else {})


def test_final_requests_of_the_day_without_an_event_are_missing_by_id(aws: Aws, make_table: Any) -> None:
    """As many events as requests, but two of them of others: a count would say that none is missing."""
    table = make_table("PK", "SK")
    ids = finished(table, 300)  # more than one page of a Scan
    published = [*ids[2:150], "req-of-another-day", "another", *ids[151:]]
    assert find_missing(aws, table.name, DAY, published) == Missing(3, (ids[0], ids[1], ids[150]))
    assert find_missing(aws, table.name, DAY, ids) == Missing(0)
    nothing = find_missing(aws, table.name, DAY, [])
    assert nothing == Missing(300, tuple(ids[:20]))


def test_a_table_that_cannot_be_read_is_one_warning(aws: Aws, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "include.analytics.missing"):
        assert find_missing(aws, "no-such-table", DAY, []) is None
    assert len(caplog.records) == 1
