"""Statements that are no query: tables and partitions of the Glue catalog."""

from __future__ import annotations

import pytest

from tests.devstack.aws.athena.conftest import BUCKET, DATABASE, Lake, event

pytestmark = pytest.mark.integration


def test_create_makes_a_glue_table_with_names_in_lower_case_and_may_be_repeated(lake: Lake) -> None:
    lake.table("created")
    lake.table("created")
    table = lake.aws.client("glue").get_table(DatabaseName=DATABASE, Name="created")["Table"]
    storage = table["StorageDescriptor"]
    columns = {one["Name"]: one["Type"] for one in storage["Columns"]}
    assert columns["schemaversion"] == "int"
    assert columns["timestamps"] == "struct<queuedat:bigint,startedat:bigint,finishedat:bigint>"
    assert columns["delivery"] == "struct<attempt:int,isdlq:boolean>"
    assert [one["Name"] for one in table["PartitionKeys"]] == ["dt", "hour"]
    assert storage["SerdeInfo"]["SerializationLibrary"] == "org.openx.data.jsonserde.JsonSerDe"
    assert storage["SerdeInfo"]["Parameters"] == {"ignore.malformed.json": "true"}
    assert (storage["Location"], table["Parameters"]["projection.enabled"]) == (
        f"s3://{BUCKET}/created/",
        "false",
    )


def test_partitions_are_repaired_added_shown_and_dropped(lake: Lake) -> None:
    lake.put("parted/dt=2026-01-04/hour=00/a", event(1))
    lake.put("parted/error/2026/a", "not an event\n")
    lake.put("elsewhere/a", event(2), event(3))
    table = lake.table("parted")
    assert lake.rows(f"MSCK REPAIR TABLE {table}") == []
    lake.put("parted/dt=2026-01-04/hour=01/a", event(4))
    assert lake.rows(f"SELECT count(*) FROM {table}") == [["1"]], "a partition that nobody added was read"
    assert lake.rows(f"MSCK REPAIR TABLE {table}") == [
        ["Partitions not in metastore:\tparted:dt=2026-01-04/hour=01"],
        ["Repair: Added partition to metastore parted:dt=2026-01-04/hour=01"],
    ]

    add = f"PARTITION (dt='2026-01-05', hour='00') LOCATION 's3://{BUCKET}/elsewhere/'"
    lake.run(f"ALTER TABLE {table} ADD IF NOT EXISTS {add}\n  PARTITION (dt='2026-01-05', hour='01')")
    lake.run(f"ALTER TABLE {table} ADD IF NOT EXISTS {add}")
    assert "already exists" in lake.failure(f"ALTER TABLE {table} ADD {add}")
    assert lake.rows(f"SHOW PARTITIONS {table}") == [
        [f"dt=2026-01-0{day}/hour=0{hour}"] for day in (4, 5) for hour in (0, 1)
    ]
    assert lake.rows(f"SELECT dt, hour, requestId FROM {table} WHERE dt = '2026-01-05' ORDER BY 3") == [
        ["2026-01-05", "00", "req-2"], ["2026-01-05", "00", "req-3"],
    ]  # fmt: skip

    lake.run(f"ALTER TABLE {table} DROP PARTITION (dt='2026-01-05', hour='00')")
    assert len(lake.rows(f"SHOW PARTITIONS {table}")) == 3
    assert lake.rows(f"SELECT count(*) FROM {table}") == [["2"]]


def test_a_projected_table_needs_no_partitions_and_has_those_of_its_ranges_only(lake: Lake) -> None:
    for day, hour in (("2025-12-31", "00"), ("2026-01-04", "05"), ("2026-01-04", "31")):
        lake.put(f"projected/dt={day}/hour={hour}/a", event(1))
    lake.run(
        f"CREATE EXTERNAL TABLE projected (requestId string) PARTITIONED BY (dt string, hour string) "
        f"ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://{BUCKET}/projected/' TBLPROPERTIES ("
        "'projection.enabled'='true', 'projection.dt.type'='date', 'projection.dt.format'='yyyy-MM-dd', "
        "'projection.dt.range'='2026-01-01,NOW', 'projection.hour.type'='integer', "
        "'projection.hour.range'='0,23', 'projection.hour.digits'='2')"
    )
    assert lake.rows("SELECT dt, hour, count(*) FROM projected GROUP BY 1, 2") == [["2026-01-04", "05", "1"]]


def test_tables_are_shown_described_and_dropped(lake: Lake) -> None:
    table = lake.table("shown_and_dropped")
    assert lake.rows("SHOW TABLES 'shown_and*'") == [[table]]
    described = [line.split("\t") for (line,) in lake.rows(f"DESCRIBE {table}") if line]
    assert [part.strip() for part in described[2]] == ["eventid", "string", ""]
    assert [part.strip() for part in described[-1]] == ["hour", "string", ""]
    lake.run(f"DROP TABLE {table}")
    lake.run(f"DROP TABLE IF EXISTS {table}")
    assert "Table not found" in lake.failure(f"DROP TABLE {table}")
    assert "Table not found" in lake.failure(f"MSCK REPAIR TABLE {table}")
    assert [DATABASE] in lake.rows("SHOW DATABASES")
    lake.run("CREATE DATABASE IF NOT EXISTS made_here")
    lake.run("DROP DATABASE IF EXISTS made_here")


def test_a_table_that_is_not_external_is_refused_in_athenas_words(lake: Lake) -> None:
    reason = lake.failure(f"CREATE TABLE inner_one (a int) LOCATION 's3://{BUCKET}/x/'")
    assert "External keyword required" in reason
