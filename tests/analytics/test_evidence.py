"""Evidence is written whole or not at all, and says how many events are missing."""

from __future__ import annotations

import io
import logging
from typing import Any

import polars as pl
import pytest

from include.analytics.checks import judge_day
from include.analytics.evidence import write_day
from include.analytics.missing import count_missing
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


def test_a_table_without_rows_is_a_file_only_where_there_was_one(raw: ObjectStore) -> None:
    write(raw, answers(Lines()))
    assert raw.head(TRAFFIC) is None
    assert raw.head(TRAFFIC.replace("parquet", "csv"))
    write(raw, answers(clean_day(5)))
    write(raw, answers(Lines()))
    assert pl.read_parquet(io.BytesIO(raw.read(TRAFFIC))).height == 0


def test_final_requests_of_the_day_without_an_event_are_missing(aws: Aws, make_table: Any) -> None:
    table = make_table("PK", "SK")
    for number, (status, queued) in enumerate(
        [("SUCCEEDED", START), ("REJECTED", END - 1), ("FAILED_FINAL", START), ("QUEUED", START),
         ("SUCCEEDED", START - 1), ("SUCCEEDED", END)]
    ):  # fmt: skip
        table.put_item(
            Item={"PK": f"REQUEST#{number}", "SK": "REQUEST", "status": status, "queuedAt": queued}
        )
    table.put_item(Item={"PK": "EVENT#e", "SK": "CAPACITY", "remaining": 1})
    assert count_missing(aws, table.name, DAY, 1) == 2
    assert count_missing(aws, table.name, DAY, 3) == 0


def test_a_table_that_cannot_be_read_is_one_warning(aws: Aws, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "include.analytics.missing"):
        assert count_missing(aws, "no-such-table", DAY, 1) is None
    assert len(caplog.records) == 1
