"""`g1_metrics` by Airflow on the local default: from events in S3 to tables, report and validations."""

from __future__ import annotations

import io
import re
import time
import urllib.request
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone

import polars as pl
import pytest

from devstack.dagrun import run_dag
from devstack.stack import Stack
from include.analytics import tasks
from tests.analytics.days import DT, HOUR, START, answers, clean_day, event
from tests.analytics.lake import SECONDS, Lake, lake_applied, make_lake
from tests.market import finished, pushed

pytestmark = pytest.mark.integration


@pytest.fixture
def lake(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    monkeypatch.setattr(tasks, "POLL_SECONDS", 0.05)
    lake = make_lake(stack)
    with lake_applied(stack, lake):
        yield lake


def table(lake: Lake, name: str, day: date = DT) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(lake.curated.read(f"analytics/{name}/ds={day}/part-000.parquet")))


def traffic_of(lake: Lake) -> dict[str, int]:
    frame = table(lake, "g1_traffic")
    return dict(frame.group_by("form").agg(pl.col("traffic_per_min").sum()).iter_rows())


def rows_in_warehouse(lake: Lake) -> dict[str, int]:
    """Return what readers of the warehouse see once the loader has emptied its queue."""
    from include.orchestration import connections

    asked = f"SELECT form, sum(traffic_per_min) FROM analytics.g1_traffic WHERE ds = '{DT}' GROUP BY form"
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:  # EventBridge takes its time
        assert finished(run_dag("load_analytics", DT, {})).state == "success"
        with connections.warehouse() as warehouse:
            exists = warehouse.query("EXISTS TABLE analytics.g1_traffic").columns[0].to_pylist() == [1]
            columns = [column.to_pylist() for column in warehouse.query(asked).columns] if exists else []
        found = dict(zip(*columns, strict=True)) if columns else {}
        if found == traffic_of(lake):
            return found
    return found


def test_a_clean_day_becomes_tables_and_a_report(lake: Lake) -> None:
    lines = clean_day(120)
    lake.put(lines)
    run = lake.run(late_days=0)
    assert run.state == "success"
    assert run.tasks["repair_table"] == ["skipped"]
    assert run.results["validate_delays"] == run.results["validate_timestamps"] == [0]
    assert run.results["write_evidence"] == [lake.events.uri(f"evidence/dt={DT}/report.html")]
    assert traffic_of(lake) == {"seed": 120, "late_safe": 120}
    delays = table(lake, "g1_delay").filter(pl.col("form") == "late_safe")
    assert dict(zip(delays["event_id"], delays["p95_e2e_delay_ms"], strict=True)) == {
        row["eventid"]: row["p95_e2e_delay_ms"] for row in answers(lines).rows["select_delay_late_safe"]
    }
    csv = pl.read_csv(io.BytesIO(lake.curated.read(f"analytics/g1_checks/ds={DT}/part-000.csv")))
    assert set(csv["outcome"]) == {"ok"}
    assert run.run_id in lake.report()
    ((url,),) = pushed("g1_metrics", run.run_id, "_link_ReportLink").values()
    with urllib.request.urlopen(url, timeout=10) as page:
        assert page.read().decode() == lake.report()
        assert page.headers.get_content_type() == "text/html"

    lines.add(event(9000, START + 24 * HOUR - 5), START + 24 * HOUR + 5)
    lake.put(lines)
    again = lake.run()
    assert again.state == "success"
    assert traffic_of(lake) == {"seed": 120, "late_safe": 121}
    assert set(table(lake, "g1_traffic")["run_id"]) == {again.run_id}
    assert again.run_id in lake.report()
    kept = [one.key for one in lake.events.list_objects(f"evidence/dt={DT}")]
    assert len([key for key in kept if re.search(r"/runs/.*\.html$", key)]) == 2
    assert rows_in_warehouse(lake) == {"seed": 120, "late_safe": 121}


def test_a_faulty_day_is_red_after_its_evidence_is_written(lake: Lake) -> None:
    lines = clean_day(20)
    lines.add(event(777, START + 10 * HOUR, wait=-5), START + 10 * HOUR)
    lines.add("{malformed", START + 10 * HOUR)
    lake.put(lines)
    run = lake.run(late_days=0)
    assert run.state == "failed"
    assert run.tasks["write_evidence"] == ["success"]
    assert run.tasks["validate_delays"] == run.tasks["validate_timestamps"] == ["failed"]
    checks = dict(table(lake, "g1_checks").select("name", "value").iter_rows())
    assert (checks["negative_delay"], checks["missing_timestamp"], checks["malformed_lines"]) == (1, 1, 1)
    assert "req-00777" in lake.report()


def test_a_query_that_fails_leaves_no_evidence(lake: Lake) -> None:
    """Somebody's table of the same name lacks `delivery`."""
    lake.put(clean_day(5))
    lake.ask(
        "CREATE EXTERNAL TABLE participation_logs (requestId string, eventId string, resultCode string, "
        "timestamps struct<queuedAt:bigint,startedAt:bigint,finishedAt:bigint>) "
        "PARTITIONED BY (dt string, hour string) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' "
        f"LOCATION 's3://{lake.names.events_bucket}/events/'"
    )
    run = lake.run(late_days=0)
    assert run.state == "failed"
    assert run.tasks["select_distribution"] == ["failed"]
    assert run.tasks["write_evidence"] == ["upstream_failed"]
    assert list(lake.events.list_objects("evidence")) == []


def test_a_wrong_request_asks_nothing(lake: Lake) -> None:
    tomorrow = (datetime.now(timezone.utc) + timedelta(days=2)).date().isoformat()
    run = lake.run(dt=tomorrow)
    assert run.state == "failed"
    assert run.tasks["plan_day"] == ["failed"]
    assert run.tasks["ensure_table"] == ["upstream_failed"]


def test_a_day_without_events_is_green_and_one_that_goes_on_says_so(lake: Lake) -> None:
    today = datetime.now(timezone.utc).date()
    run = lake.run(dt=today.isoformat(), late_days=0, repair=True)
    assert run.state == "success"
    assert run.tasks["repair_table"] == ["success"]
    assert "<strong>No events.</strong>" in lake.report(today)
    checks = dict(table(lake, "g1_checks", today).select("name", "outcome").iter_rows())
    assert checks["unfinished_day"] == "warning"
