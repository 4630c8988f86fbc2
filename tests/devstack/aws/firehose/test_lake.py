"""The deployed way of an event: PutEvents, the rule, the stream, a line in S3."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from devstack.aws.firehose.control import flush_deliveries
from devstack.deploy import deploy
from devstack.templates import planned_stacks
from include.core.contracts.participation import EVENT_SOURCE, PROCESSED, ParticipationProcessed
from tests.devstack.aws.firehose.conftest import eventually
from tests.devstack.conftest import LocalAwsProcess

pytestmark = pytest.mark.integration
BUCKET = "tapeline-lake-events-000000000000"
REDRIVE = "tapeline-lake-redrive"
KEY = re.compile(r"events/dt=\d{4}-\d\d-\d\d/hour=\d\d/tapeline-lake-events-1-[^/]+")


def processed(number: int) -> ParticipationProcessed:
    """Return the seed's example with an id of its own."""
    return ParticipationProcessed.model_validate(
        {
            "schemaVersion": 1, "env": "lake", "eventId": "event-123", "requestId": f"req-{number}",
            "eventType": "FIRST_COME", "finalStatus": "SUCCEEDED", "resultCode": "SUCCESS",
            "timestamps": {"queuedAt": 1704290000000, "startedAt": 1704290000100, "finishedAt": 1704290000250},
            "delivery": {"attempt": 1, "isDlq": False},
            "failure": {"failureClass": None, "errorCode": None, "errorMessage": "두 줄\n{}"},
            "meta": {"workerId": "local-1"},
        }
    )  # fmt: skip


def deploy_lake(process: LocalAwsProcess) -> None:
    process.aws.client("iam").create_role(RoleName=REDRIVE, AssumeRolePolicyDocument="{}")
    needed = [stack for stack in planned_stacks([]) if stack.name in ("storage", "alerts", "lake")]
    deploy(process.aws, "lake", stacks=needed, parameters={"RedriveRole": REDRIVE}, poll_seconds=0.1)


def put(process: LocalAwsProcess, kind: str, *details: str, source: str = EVENT_SOURCE) -> None:
    client = process.aws.client("events")
    for start in range(0, len(details), 10):
        some = details[start : start + 10]
        entries = [{"Source": source, "DetailType": kind, "Detail": one} for one in some]
        assert client.put_events(Entries=entries)["FailedEntryCount"] == 0


def delivered(process: LocalAwsProcess) -> list[str]:
    """Return the lines of all objects of the events bucket, which is all that it has."""
    client = process.aws.client("s3")
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    assert all(KEY.fullmatch(key) for key in keys), keys
    bodies = [client.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys]
    return [line for body in bodies for line in body.removesuffix("\n").split("\n")]


def rows(process: LocalAwsProcess, query: str) -> list[list[str | None]]:
    """Return what Athena answers, in the lake's workgroup and database."""
    client = process.aws.client("athena")
    asked = client.start_query_execution(
        QueryString=query, WorkGroup="tapeline-lake", QueryExecutionContext={"Database": "participation_lake"}
    )["QueryExecutionId"]

    def ended() -> dict[str, str] | None:
        status: dict[str, str] = client.get_query_execution(QueryExecutionId=asked)["QueryExecution"][
            "Status"
        ]
        return None if status["State"] in ("QUEUED", "RUNNING") else status

    status = eventually(ended, "the end of a query")
    assert status["State"] == "SUCCEEDED", status
    found = client.get_query_results(QueryExecutionId=asked)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue") for cell in row["Data"]] for row in found]


def test_an_event_of_the_worker_is_a_line_of_the_lake(local_aws: LocalAwsProcess) -> None:
    deploy_lake(local_aws)
    events = [processed(number) for number in range(300)]
    put(local_aws, PROCESSED, *(event.model_dump_json() for event in events[:150]))
    put(local_aws, PROCESSED, *(event.model_dump_json(indent=4) for event in events[150:]))
    put(local_aws, "ParticipationRequested", '{"requestId": "not for the lake"}')
    put(local_aws, PROCESSED, '{"requestId": "not the worker"}', source="somebody")
    put(local_aws, "RequestFailed", '{"requestId": "failed"}')
    assert delivered(local_aws) == [], "60 seconds and 1 MB are not over"

    local_aws.stop()
    assert len(list(Path(local_aws.state, "s3").rglob("tapeline-lake-events-1-*"))) >= 1, "a stop delivers"
    local_aws.start()
    lines = eventually(lambda: delivered(local_aws), "lines")
    assert json.loads(lines.pop()) == {"requestId": "failed"}
    assert [ParticipationProcessed.model_validate_json(line) for line in lines] == events
    assert flush_deliveries(str(local_aws.aws.endpoint_url)) == 0


def test_athena_reads_each_event_once_and_no_error(local_aws: LocalAwsProcess) -> None:
    deploy_lake(local_aws)
    put(local_aws, PROCESSED, *(processed(number).model_dump_json(indent=1) for number in range(50)))
    flush_deliveries(str(local_aws.aws.endpoint_url))
    put(local_aws, PROCESSED, processed(50).model_dump_json())
    flush_deliveries(str(local_aws.aws.endpoint_url))
    local_aws.aws.client("s3").put_object(
        Bucket=BUCKET,
        Key="events/error/processing-failed/2026/11/21/10/x",
        Body=b'{"requestId": "refused"}\n',
    )
    rows(
        local_aws,
        f"""CREATE EXTERNAL TABLE IF NOT EXISTS participation_logs (requestId string)
        PARTITIONED BY (dt string, hour string) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
        LOCATION 's3://{BUCKET}/events/'""",
    )
    rows(local_aws, "MSCK REPAIR TABLE participation_logs")
    counted = rows(
        local_aws, "SELECT count(*), count(DISTINCT requestId), min(length(hour)) FROM participation_logs"
    )
    assert counted[1] == ["51", "51", "2"]
