"""The SQL files: the seed's own words, what is bound to them, and what becomes of names."""

from __future__ import annotations

import re
from datetime import date

import pytest
import sqlglot
from sqlglot import exp

from include.analytics.statements import (
    BUSIEST,
    FOLDER,
    PUBLISHED,
    QUERIES,
    SEED,
    bound_values,
    quoted,
    render_create,
    render_partitions,
    render_repair,
)
from tests.analytics.days import DAY

SEED_TEXT = {
    "select_traffic": """SELECT dt, hour, date_trunc('minute', from_unixtime(timestamps.queuedAt/1000)) AS min_time,
        count(*) AS traffic_per_min FROM participation_logs WHERE dt='2026-01-04' GROUP BY 1,2,3
        ORDER BY min_time DESC""",
    "select_throughput": """SELECT dt, hour, date_trunc('minute', from_unixtime(timestamps.finishedAt/1000))
        AS min_time, count(*) AS throughput_per_min FROM participation_logs WHERE dt='2026-01-04' GROUP BY 1,2,3
        ORDER BY min_time DESC""",
    "select_distribution": """SELECT resultCode, delivery.isDlq, count(*) AS total_count,
        round(count(*)*100.0/sum(count(*))over(),2) AS ratio_percent FROM participation_logs
        WHERE dt='2026-01-04' GROUP BY 1,2 ORDER BY total_count DESC""",
    "select_delay": """SELECT eventId,
        approx_percentile(CAST(timestamps.startedAt- timestamps.queuedAt AS BIGINT),0.95) AS p95_queue_delay_ms,
        approx_percentile(CAST(timestamps.finishedAt- timestamps.queuedAt AS BIGINT),0.95) AS p95_e2e_delay_ms
        FROM participation_logs WHERE dt='2026-01-04' AND eventId='TARGET_EVENT' GROUP BY eventId""",
    "validate_negative_delay": """SELECT count(*) AS negative_delay_count FROM participation_logs
        WHERE dt='2026-01-04' AND (timestamps.finishedAt< timestamps.startedAt
        OR timestamps.startedAt< timestamps.queuedAt OR timestamps.finishedAt< timestamps.queuedAt)""",
    "validate_missing_timestamp": """SELECT count(*) AS missing_timestamp_count FROM participation_logs
        WHERE dt='2026-01-04' AND (timestamps.queuedAt IS NULL OR timestamps.startedAt IS NULL
        OR timestamps.finishedAt IS NULL)""",
}
"""Seed 003, 10 and 11, with the blanks that its rendering lost."""
FILES = sorted(FOLDER.glob("*.sql"))


@pytest.mark.parametrize("query", SEED, ids=lambda query: query.name)
def test_the_six_queries_are_the_seeds(query) -> None:
    seed = SEED_TEXT[query.name].replace("'2026-01-04'", "?").replace("'TARGET_EVENT'", "?")
    ours, theirs = (sqlglot.parse_one(text, dialect="athena") for text in (query.text, seed))
    for tree in (ours, theirs):
        for node in tree.walk():
            node.comments = None
    assert ours == theirs


@pytest.mark.parametrize("query", [*QUERIES, BUSIEST, PUBLISHED], ids=lambda query: query.name)
def test_each_question_mark_has_a_value(query) -> None:
    tree = sqlglot.parse_one(query.text, dialect="athena")
    assert len(list(tree.find_all(exp.Placeholder))) == len(query.parameters) == query.text.count("?")
    assert set(query.parameters) <= {*bound_values(DAY), "event"}


def test_every_file_is_asked_or_rendered() -> None:
    rendered = {
        "create_participation_logs.sql", "create_participation_logs_projected.sql",
        "repair_participation_logs.sql", "add_day_partitions.sql",
    }  # fmt: skip
    assert {file.name for file in FILES} == rendered | {
        query.file for query in (*QUERIES, BUSIEST, PUBLISHED)
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_says_its_grain_its_inputs_and_what_is_bound(file) -> None:
    comment = " ".join(line for line in file.read_text().splitlines() if line.startswith("--"))
    assert all(word in comment for word in ("Grain:", "Inputs:", "ind parameters"))


@pytest.mark.parametrize("query", [*QUERIES, BUSIEST, PUBLISHED], ids=lambda query: query.name)
def test_every_query_reads_only_the_days_it_is_for(query) -> None:
    """Without a filter on `dt` Athena would read, and bill, all history."""
    assert re.search(r"WHERE dt(=\?| BETWEEN \? AND \?)\n", query.text)


def test_the_table_is_the_seeds() -> None:
    tree = sqlglot.parse_one(render_create("a-bucket"), dialect="athena")
    assert isinstance(tree, exp.Create)
    assert tree.args["exists"]
    columns = [column.name for column in tree.this.expressions if isinstance(column, exp.ColumnDef)]
    assert columns == [
        "schemaVersion", "env", "eventId", "requestId", "eventType", "finalStatus", "resultCode", "timestamps",
        "delivery", "failure", "meta",
    ]  # fmt: skip
    text = render_create("a-bucket")
    assert text.startswith("CREATE EXTERNAL TABLE IF NOT EXISTS participation_logs (")
    assert "LOCATION 's3://a-bucket/events/'" in text
    assert "'projection.enabled'='false'" in text
    assert "PARTITIONED BY (dt string, hour string)" in text
    assert "'ignore.malformed.json'='true'" in text


def test_the_projected_table_differs_in_its_properties_only() -> None:
    plain, projected = (
        render_create("a-bucket", projected=flag).split("TBLPROPERTIES") for flag in (False, True)
    )
    assert plain[0] == projected[0]
    assert "'projection.enabled'='true'" in projected[1]
    assert "'projection.hour.digits'='2'" in projected[1]


def test_by_default_the_hours_of_the_days_that_are_read_are_added() -> None:
    text = render_partitions("a-bucket", DAY.arrivals)
    assert text.splitlines()[0] == "ALTER TABLE participation_logs ADD IF NOT EXISTS"
    found = re.findall(r"PARTITION \(dt='([\d-]+)', hour='(\d\d)'\) LOCATION '([^']+)'", text)
    assert len(found) == 48
    assert found[23] == ("2026-01-04", "23", "s3://a-bucket/events/dt=2026-01-04/hour=23/")
    assert found[24][0] == "2026-01-05"
    assert len(render_partitions("b" * 63, [date(2026, 1, 4)] * 4)) < 262_144  # Athena's limit


def test_repair_is_the_seeds() -> None:
    assert render_repair() == "MSCK REPAIR TABLE participation_logs"


def test_a_quote_in_an_event_stays_within_its_literal() -> None:
    assert quoted("a' OR '1'='1") == "'a'' OR ''1''=''1'"
    assert sqlglot.parse_one(f"SELECT {quoted('a' + chr(39))}", dialect="athena").expressions[0].this == "a'"
