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


def put(process: LocalAwsProcess, kind: str, *details: str, source: str = EVENT_SOURCE) -> None:
    client = process.aws.client("events")
    for start in range(0, len(details), 10):
        some = details[start : start + 10]
        entries = [{"Source": source, "DetailType": kind, "Detail": one} for one in some]
        assert client.put_events(Entries=entries)["FailedEntryCount"] == 0


def delivered(process: LocalAwsProcess) -> list[str]:
    """Return the lines of all objects of the events bucket, which is all that it has."""
    client = process.aws.client("s3")
    bucket = "tapeline-lake-events-000000000000"
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=bucket).get("Contents", [])]
    assert all(KEY.fullmatch(key) for key in keys), keys
    bodies = [client.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys]
    return [line for body in bodies for line in body.removesuffix("\n").split("\n")]


def test_an_event_of_the_worker_is_a_line_of_the_lake(local_aws: LocalAwsProcess) -> None:
    needed = [stack for stack in planned_stacks([]) if stack.name in ("storage", "alerts", "lake")]
    deploy(local_aws.aws, "lake", stacks=needed, poll_seconds=0.1)
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
