"""The life of an execution: states, pages, files, cancel, repeat, work groups, restart."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.devstack.aws.athena.conftest import BUCKET, RESULTS, Lake, event
from tests.devstack.conftest import LocalAwsProcess

pytestmark = pytest.mark.integration
ENDLESS = "SELECT sum(a.schemaVersion * b.schemaVersion) FROM many a, many b, many c WHERE a.requestId < c.requestId"

_MANY = ", ".join(f"two t{number}" for number in range(40))
_SUM = " + ".join(f"t{number}.x" for number in range(40))
WITHOUT_TABLES = f"WITH two AS (SELECT 1 AS x UNION ALL SELECT 2) SELECT sum({_SUM}) FROM {_MANY}"


@pytest.fixture(scope="module")
def many(lake: Lake) -> str:
    """2,500 events."""
    lake.put("many/dt=2026-01-04/hour=00/a", *(event(number) for number in range(2_500)))
    return lake.table("many")


def test_results_come_in_pages_with_the_header_in_the_first(lake: Lake, many: str) -> None:
    query_id = lake.run(f"SELECT requestId, failure.errorCode AS code FROM {many}")["QueryExecutionId"]
    pages = list(lake.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id))
    rows = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
    assert [len(page["ResultSet"]["Rows"]) for page in pages] == [1000, 1000, 501]
    assert rows[0] == [{"VarCharValue": "requestId"}, {"VarCharValue": "code"}]
    assert {row[0]["VarCharValue"] for row in rows[1:]} == {f"req-{number}" for number in range(2_500)}
    assert rows[1][1] == {}, "NULL has no value"
    few = lake.athena.get_query_results(QueryExecutionId=query_id, MaxResults=3)
    more = lake.athena.get_query_results(QueryExecutionId=query_id, MaxResults=2, NextToken=few["NextToken"])
    assert [row["Data"] for row in few["ResultSet"]["Rows"] + more["ResultSet"]["Rows"]] == rows[:5]


def test_the_result_file_is_quoted_as_athena_quotes(lake: Lake) -> None:
    sql = "SELECT 'a\"b' AS \"x,y\", NULL AS n, '' AS e, 'two\nlines' AS t, 5 AS five"
    found = lake.run(sql)
    location = found["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{RESULTS}/out/{found['QueryExecutionId']}.csv"
    s3 = lake.aws.client("s3")
    key = location.split("/", 3)[3]
    body = s3.get_object(Bucket=RESULTS, Key=key)["Body"].read()
    assert body == b'"x,y","n","e","t","five"\n"a""b",,"","two\nlines","5"\n'
    assert s3.head_object(Bucket=RESULTS, Key=f"{key}.metadata")["ContentLength"]
    assert lake.rows(sql) == [['a"b', None, "", "two\nlines", "5"]]


def test_a_query_that_runs_is_cancelled_and_others_go_on(lake: Lake, many: str) -> None:
    query_id = lake.start(ENDLESS)
    deadline = time.monotonic() + 60
    while (
        lake.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]["State"]
        == "QUEUED"
    ):
        assert time.monotonic() < deadline
    assert lake.rows(f"SELECT count(*) FROM {many}") == [["2500"]]
    with pytest.raises(ClientError, match="Current state: RUNNING"):
        lake.athena.get_query_results(QueryExecutionId=query_id)
    lake.athena.stop_query_execution(QueryExecutionId=query_id)
    ended = lake.end(query_id)["Status"]
    assert (ended["State"], ended["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
    with pytest.raises(ClientError, match="Final query state: CANCELLED"):
        lake.athena.get_query_results(QueryExecutionId=query_id)


def test_queries_wait_in_line_and_are_cancelled_there(lake: Lake, many: str) -> None:
    ids = [lake.start(WITHOUT_TABLES) for _ in range(3)]
    waiting = lake.athena.get_query_execution(QueryExecutionId=ids[2])["QueryExecution"]["Status"]["State"]
    assert waiting == "QUEUED"
    assert lake.rows("SHOW PARTITIONS many") == [["dt=2026-01-04/hour=00"]], (
        "a statement waits behind queries"
    )
    for query_id in reversed(ids):
        lake.athena.stop_query_execution(QueryExecutionId=query_id)
    assert {lake.end(query_id)["Status"]["State"] for query_id in ids} == {"CANCELLED"}
    assert lake.rows("SELECT 1") == [["1"]], "a cancelled query still runs in the others' place"


def test_the_same_token_begins_one_execution(lake: Lake) -> None:
    token = str(uuid.uuid4())
    ids = {lake.start("SELECT 1", ClientRequestToken=token) for _ in range(2)}
    assert len(ids) == 1
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        lake.start("SELECT 2", ClientRequestToken=token)


def test_executions_are_listed_newest_first_and_got_together(lake: Lake) -> None:
    lake.athena.create_work_group(Name="listed", Configuration={"EnforceWorkGroupConfiguration": False})
    ids = [lake.run(f"SELECT {number}", WorkGroup="listed")["QueryExecutionId"] for number in range(3)]
    first = lake.athena.list_query_executions(WorkGroup="listed", MaxResults=2)
    rest = lake.athena.list_query_executions(WorkGroup="listed", NextToken=first["NextToken"])
    assert first["QueryExecutionIds"] + rest["QueryExecutionIds"] == ids[::-1]
    got = lake.athena.batch_get_query_execution(QueryExecutionIds=[*ids, "unknown"])
    assert [one["QueryExecutionId"] for one in got["QueryExecutions"]] == ids
    assert [one["QueryExecutionId"] for one in got["UnprocessedQueryExecutionIds"]] == ["unknown"]
    with pytest.raises(ClientError, match="QueryExecution unknown was not found"):
        lake.athena.get_query_execution(QueryExecutionId="unknown")
    statistics = got["QueryExecutions"][0]["Statistics"]
    assert {"TotalExecutionTimeInMillis", "EngineExecutionTimeInMillis", "QueryQueueTimeInMillis"} <= set(
        statistics
    )


def test_a_work_group_of_cloudformation_decides_where_results_go_and_how_much_is_read(lake: Lake) -> None:
    settings = {
        "EnforceWorkGroupConfiguration": True,
        "BytesScannedCutoffPerQuery": 10_000_000,
        "ResultConfiguration": {"OutputLocation": f"s3://{RESULTS}/enforced/"},
    }
    group = {"Name": "enforcing", "WorkGroupConfiguration": settings}
    template = {"Resources": {"Group": {"Type": "AWS::Athena::WorkGroup", "Properties": group}}}
    cloudformation = lake.aws.client("cloudformation")
    cloudformation.create_stack(StackName="groups", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="groups", WaiterConfig={"Delay": 1})
    found = lake.run("SELECT 1", WorkGroup="enforcing")
    assert found["ResultConfiguration"]["OutputLocation"].startswith(f"s3://{RESULTS}/enforced/")

    lake.put("large/a", '{"a": "' + "x" * 10_000_000 + '"}\n')
    serde = "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'"
    lake.run(f"CREATE EXTERNAL TABLE large (a string) {serde} LOCATION 's3://{BUCKET}/large/'")
    ended = lake.end(lake.start("SELECT count(a) FROM large", WorkGroup="enforcing"))["Status"]
    assert ended["State"] == "CANCELLED"
    assert "Bytes scanned limit was exceeded" in ended["StateChangeReason"]
    assert lake.rows("SELECT length(a) FROM large") == [["10000000"]]
    with pytest.raises(ClientError, match="WorkGroup gone is not found"):
        lake.start("SELECT 1", WorkGroup="gone")
    with pytest.raises(ClientError, match="No output location provided"):
        lake.start("SELECT 1", ResultConfiguration={})


def test_executions_and_results_survive_kill_9_and_a_running_query_does_not_hold_up_a_stop(
    tmp_path: Path,
) -> None:
    process = LocalAwsProcess(tmp_path)
    try:
        lake = Lake(process.start())
        lake.aws.client("s3").create_bucket(Bucket=RESULTS)
        token = str(uuid.uuid4())
        ended = lake.run("SELECT 'kept' AS x", ClientRequestToken=token)["QueryExecutionId"]
        process.process.kill()  # type: ignore[union-attr]
        process.process.wait()  # type: ignore[union-attr]
        process.start()
        lake = Lake(process.aws)
        assert lake.end(ended)["Status"]["State"] == "SUCCEEDED"
        rows = lake.athena.get_query_results(QueryExecutionId=ended)["ResultSet"]["Rows"]
        assert rows[1]["Data"] == [{"VarCharValue": "kept"}]
        assert lake.start("SELECT 'kept' AS x", ClientRequestToken=token) == ended

        left = lake.start(WITHOUT_TABLES)
        assert process.process
        process.process.terminate()
        process.process.wait(30)
        process.start()
        assert Lake(process.aws).end(left)["Status"]["State"] in ("CANCELLED", "FAILED")
    finally:
        process.stop()
