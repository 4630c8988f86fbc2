"""Queries over events in S3: the answers that Athena gives, its traps included."""

from __future__ import annotations

import pytest

from tests.devstack.aws.athena.conftest import BUCKET, Lake, event

pytestmark = pytest.mark.integration
DAY = "dt = '2026-01-04'"


@pytest.fixture(scope="module")
def logs(lake: Lake) -> str:
    """Two hours of a day and one of the next, 300 events each, with a malformed line in one file."""
    for day, hour in (("2026-01-04", "00"), ("2026-01-04", "01"), ("2026-01-05", "00")):
        events = [event(number, queued=1_767_484_800_000 + number * 1000) for number in range(300)]
        lake.put(f"logs/dt={day}/hour={hour}/a", *events)
    lake.put("logs/dt=2026-01-04/hour=01/bad", '{"broken\n', event(900, resultCode="DUPLICATE"))
    return lake.table("logs")


def test_traffic_is_counted_by_the_minute_in_utc_whole_milliseconds_lost(lake: Lake, logs: str) -> None:
    rows = lake.rows(
        f"SELECT dt, hour, date_trunc('minute', from_unixtime(timestamps.queuedAt/1000)) AS min_time, "
        f"count(*) AS traffic_per_min FROM {logs} WHERE {DAY} AND hour = '00' GROUP BY 1, 2, 3 ORDER BY min_time DESC"
    )
    assert rows[0] == ["2026-01-04", "00", "2026-01-04 00:04:00.000 UTC", "60"]
    assert len(rows) == 5
    assert lake.rows(f"SELECT timestamps.queuedAt/1000 FROM {logs} WHERE requestId = 'req-1' AND {DAY}")[
        0
    ] == ["1767484801"]


def test_a_malformed_line_is_a_row_of_nulls_that_count_counts(lake: Lake, logs: str) -> None:
    sql = f"SELECT count(*), count(eventId), count_if(requestid IS NULL) FROM {logs} WHERE {DAY}"
    assert lake.rows(sql) == [["602", "601", "1"]]


def test_the_ratio_has_the_scale_of_its_decimal_literal_as_in_athena(lake: Lake, logs: str) -> None:
    rows = lake.rows(
        "SELECT resultCode, delivery.isDlq, count(*) AS total_count, "
        f"round(count(*)*100.0/sum(count(*)) over(), 2) AS ratio_percent FROM {logs} WHERE {DAY} "
        "GROUP BY 1, 2 ORDER BY total_count DESC, resultCode"
    )
    assert rows == [
        ["SUCCESS", "false", "600", "99.7"],
        ["DUPLICATE", "false", "1", "0.2"],
        [None, None, "1", "0.2"],
    ]


def test_percentiles_are_of_the_values_themselves(lake: Lake, logs: str) -> None:
    rows = lake.rows(
        "SELECT eventId, approx_percentile(CAST(timestamps.startedAt - timestamps.queuedAt AS BIGINT), 0.95) AS p95, "
        "approx_percentile(timestamps.finishedAt - timestamps.queuedAt, ARRAY[0.5, 0.99]) AS ps "
        f"FROM {logs} WHERE {DAY} AND eventId = ? GROUP BY eventId",
        ExecutionParameters=["'event-1'"],
    )
    delays = sorted(100 + number for number in range(300) if number % 3 == 1 for _ in "ab")
    assert rows == [["event-1", str(delays[189]), f"[{delays[99] + 150}, {delays[197] + 150}]"]]


def test_validations_find_nothing_in_good_events(lake: Lake, logs: str) -> None:
    negative = "timestamps.finishedAt < timestamps.startedAt OR timestamps.startedAt < timestamps.queuedAt"
    assert lake.rows(f"SELECT count(*) AS n FROM {logs} WHERE {DAY} AND ({negative})") == [["0"]]
    missing = "timestamps.queuedAt IS NULL OR timestamps.startedAt IS NULL"
    assert lake.rows(f"SELECT count(*) AS n FROM {logs} WHERE {DAY} AND ({missing})") == [["1"]]


def test_a_day_reads_only_the_files_of_the_day(lake: Lake, logs: str) -> None:
    sizes = {}
    for page in (
        lake.aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="logs/")
    ):
        sizes |= {one["Key"]: one["Size"] for one in page["Contents"]}
    for condition, part in (
        (DAY, "2026-01-04"),
        ("hour = '01'", "hour=01"),
        ("dt > '2026-01-04'", "2026-01-05"),
    ):
        found = lake.run(f"SELECT count(*) FROM {logs} l WHERE l.{condition}")
        assert found["Statistics"]["DataScannedInBytes"] == sum(n for key, n in sizes.items() if part in key)
    assert lake.rows(f"SELECT count(*) FROM {logs} WHERE dt = '2020-01-01'") == [["0"]]


def test_windows_and_ctes_and_values_in_athenas_text(lake: Lake, logs: str) -> None:
    rows = lake.rows(
        f"WITH d AS (SELECT eventId, timestamps.queuedAt AS q FROM {logs} WHERE {DAY} AND hour = '00') "
        "SELECT eventId, q - lag(q) OVER (PARTITION BY eventId ORDER BY q) AS gap, row_number() OVER (ORDER BY q) "
        "FROM d ORDER BY q LIMIT 4"
    )
    assert rows == [
        ["event-0", None, "1"],
        ["event-1", None, "2"],
        ["event-2", None, "3"],
        ["event-0", "3000", "4"],
    ]
    assert lake.rows(
        "SELECT 7/2, -7/2, 1.0/3, 1e0/3, 12345678e0, true, NULL, '', 'a\"b', ARRAY[1,NULL], DATE '2026-01-04', "
        "date_diff('minute', TIMESTAMP '2026-01-04 00:00:59', TIMESTAMP '2026-01-04 00:01:00')"
    ) == [
        [
            "3",
            "-3",
            "0.3",
            "0.3333333333333333",
            "1.2345678E7",
            "true",
            None,
            "",
            'a"b',
            "[1, null]",
            "2026-01-04",
            "0",
        ]
    ]
    assert lake.rows(f"SELECT timestamps, delivery FROM {logs} WHERE requestId = 'req-900'") == [
        [
            "{queuedat=1767484800000, startedat=1767484801000, finishedat=1767484801150}",
            "{attempt=1, isdlq=false}",
        ]
    ]


def test_columns_have_athenas_names_and_types(lake: Lake, logs: str) -> None:
    found = lake.run(
        f"SELECT resultCode, delivery.isDlq, count(*), avg(1), timestamps FROM {logs} GROUP BY 1, 2, 5"
    )
    results = lake.athena.get_query_results(QueryExecutionId=found["QueryExecutionId"])["ResultSet"]
    info = results["ResultSetMetadata"]["ColumnInfo"]
    assert [(one["Name"], one["Type"]) for one in info] == [
        ("resultCode", "varchar"), ("isDlq", "boolean"), ("_col2", "bigint"), ("_col3", "double"), ("timestamps", "row"),
    ]  # fmt: skip
    assert results["Rows"][0]["Data"][2] == {"VarCharValue": "_col2"}
