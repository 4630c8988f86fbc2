"""`g1_metrics` where Athena is busy or stopped, where the table is projected, and where an hour is missing."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from devstack.stack import Stack
from include.analytics import tasks
from tests.analytics.busy import ALWAYS, Busy, busy_athena
from tests.analytics.days import DT, HOUR, START, Lines, clean_day, event
from tests.analytics.lake import Lake, lake_applied, make_lake
from tests.market import applied

pytestmark = pytest.mark.integration


@pytest.fixture
def lake(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    monkeypatch.setattr(tasks, "POLL_SECONDS", 0.05)
    lake = make_lake(stack)
    with lake_applied(stack, lake):
        yield lake


@pytest.fixture
def busy(stack: Stack, lake: Lake) -> Iterator[Busy]:
    """The lake's Athena, asked by way of a proxy; botocore tries nothing again by itself, which takes long."""
    connection = json.loads(stack.environment()["AIRFLOW_CONN_AWS_DEFAULT"])
    extra: dict[str, Any] = connection["extra"]
    with busy_athena(str(lake.aws.endpoint_url)) as busy:
        extra["config_kwargs"] = {"retries": {"max_attempts": 0}}
        extra["service_config"] = {"athena": {"endpoint_url": busy.url}}
        with applied({"AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection)}):
            yield busy


def checks(lake: Lake) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(lake.curated.read(f"analytics/g1_checks/ds={DT}/part-000.parquet")))


def test_a_query_that_is_refused_or_stopped_once_is_asked_again_and_the_day_is_whole(
    lake: Lake, busy: Busy
) -> None:
    lake.put(clean_day(40))
    busy.throttled, busy.stopped = 2, {"p95_queue_delay_ms": 1}
    run = lake.run(late_days=0)
    assert run.state == "success"
    assert (busy.throttled, busy.stopped) == (0, {"p95_queue_delay_ms": 0}), (
        "it was busy, and somebody stopped one"
    )
    assert "40 events of 40 requests" in lake.report()


@pytest.mark.parametrize(
    ("trouble", "task"),
    [
        ({"throttled": ALWAYS}, "ensure_table"),
        ({"stopped": {"ORDER BY total_count DESC, eventId\nLIMIT 1": ALWAYS}}, "select_events"),
    ],
    ids=["refused", "stopped"],
)
def test_a_query_that_is_refused_or_stopped_each_time_ends_the_run_without_evidence(
    lake: Lake, busy: Busy, trouble: dict[str, Any], task: str
) -> None:
    lake.put(clean_day(5))
    vars(busy).update(trouble)
    run = lake.run(late_days=0)
    assert run.state == "failed"
    assert run.tasks[task] == ["failed"]
    assert run.tasks["write_evidence"] == run.tasks["validate_delays"] == ["upstream_failed"]
    assert list(lake.events.list_objects("evidence")) == []


def test_a_projected_table_needs_no_partitions_and_a_missing_hour_is_named(lake: Lake) -> None:
    lines = Lines()
    for hour in (9, 10, 12):
        for minute in range(0, 60, 20):
            at = START + hour * HOUR + minute * 60_000
            lines.add(event(hour * 100 + minute, at), at)
    lake.put(lines)
    run = lake.run(late_days=0, use_projection=True)
    assert run.state == "success"
    assert run.tasks["add_partitions"] == ["skipped"]
    found = {row["name"]: row for row in checks(lake).iter_rows(named=True)}
    assert (found["missing_hours"]["value"], found["missing_hours"]["outcome"]) == (1, "warning")
    assert found["missing_hours"]["note"].endswith(": 11")
    assert found["longest_gap_minutes"]["value"] == 79, "10:40 to 12:00"

    refused = lake.run(late_days=0)
    assert refused.state == "failed"
    assert refused.tasks["plan_day"] == ["failed"], "a projected table is never read as if it had partitions"
    assert refused.tasks["ensure_table"] == ["upstream_failed"]
