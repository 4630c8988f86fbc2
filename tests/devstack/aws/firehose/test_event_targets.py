"""Events reach the delivery streams of their rules: one event, one line."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from devstack.aws.firehose.control import flush_deliveries
from include.clients.queues import Queue
from tests.devstack.aws.firehose.conftest import Stream, eventually
from tests.devstack.conftest import LocalAwsProcess

pytestmark = pytest.mark.integration
DETAIL = {"requestId": "req-1", "nested": {"a": [1, None, True]}, "text": "줄\n바꿈 ü", "big": 2**62}


def told(detail: str, kind: str = "Processed", source: str = "worker") -> dict[str, str]:
    return {"Source": source, "DetailType": kind, "Detail": detail}


def put(process: LocalAwsProcess, *entries: dict[str, str]) -> None:
    client = process.aws.client("events")
    for start in range(0, len(entries), 10):
        answer = client.put_events(Entries=list(entries[start : start + 10]))
        assert answer["FailedEntryCount"] == 0


@pytest.fixture
def stream(shared_aws: LocalAwsProcess) -> Stream:
    """A stream that a rule sends its events to; the source is the stream's name."""
    stream = Stream(shared_aws.aws).build(seconds=900)
    stream.target({"source": [stream.name], "detail-type": ["Processed", "Failed"]})
    return stream


def lines(process: LocalAwsProcess, stream: Stream) -> list[bytes]:
    flush_deliveries(str(process.aws.endpoint_url))
    return stream.lines()


def test_each_event_is_one_line_with_its_detail(shared_aws: LocalAwsProcess, stream: Stream) -> None:
    details = [{**DETAIL, "n": n} for n in range(200)]
    put(shared_aws, *(told(json.dumps(detail), source=stream.name) for detail in details))
    found = [json.loads(line) for line in lines(shared_aws, stream)]
    assert found == details


def test_a_detail_of_many_lines_becomes_one(shared_aws: LocalAwsProcess, stream: Stream) -> None:
    pretty = [json.dumps(DETAIL, indent=end, ensure_ascii=False) for end in (2, "\t")]
    pretty.append(pretty[0].replace("\n", "\r\n"))
    put(shared_aws, *(told(text, kind="Failed", source=stream.name) for text in pretty))
    assert [json.loads(line) for line in lines(shared_aws, stream)] == [DETAIL] * 3


def test_events_that_the_rule_does_not_match_are_not_delivered(
    shared_aws: LocalAwsProcess, stream: Stream
) -> None:
    put(
        shared_aws,
        told('{"n": 1}', source=stream.name),
        told('{"n": 2}', kind="Requested", source=stream.name),
        told('{"n": 3}', source="somebody"),
    )
    assert lines(shared_aws, stream) == [b'{"n":1}']


def test_a_disabled_rule_delivers_nothing_and_a_deleted_target_neither(
    shared_aws: LocalAwsProcess, stream: Stream
) -> None:
    client = shared_aws.aws.client("events")
    client.disable_rule(Name=stream.name)
    put(shared_aws, told('{"n": 1}', source=stream.name))
    client.enable_rule(Name=stream.name)
    put(shared_aws, told('{"n": 2}', source=stream.name))
    client.remove_targets(Rule=stream.name, Ids=["1"])
    put(shared_aws, told('{"n": 3}', source=stream.name))
    assert lines(shared_aws, stream) == [b'{"n":2}']


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({"InputPath": "$.detail.nested"}, DETAIL["nested"]),
        ({"Input": '{\n "always": 1\n}'}, {"always": 1}),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"id": "$.detail.requestId", "all": "$.detail"},
                    "InputTemplate": '{"id": <id>,\n "all": <all>}',
                }
            },
            {"id": "req-1", "all": DETAIL},
        ),
    ],
)
def test_a_target_may_ask_for_another_input(
    shared_aws: LocalAwsProcess, what: dict[str, Any], expected: Any
) -> None:
    stream = Stream(shared_aws.aws).build(seconds=900)
    events = shared_aws.aws.client("events")
    events.put_rule(Name=stream.name, EventPattern=json.dumps({"source": [stream.name]}))
    events.put_targets(Rule=stream.name, Targets=[{"Id": "1", "Arn": stream.arn, "RoleArn": "r", **what}])
    put(shared_aws, told(json.dumps(DETAIL, indent=1), source=stream.name))
    assert [json.loads(line) for line in lines(shared_aws, stream)] == [expected]


def test_without_an_input_the_whole_event_is_the_line(shared_aws: LocalAwsProcess) -> None:
    stream = Stream(shared_aws.aws).build(seconds=900)
    events = shared_aws.aws.client("events")
    events.put_rule(Name=stream.name, EventPattern=json.dumps({"source": [stream.name]}))
    events.put_targets(Rule=stream.name, Targets=[{"Id": "1", "Arn": stream.arn, "RoleArn": "r"}])
    put(shared_aws, told('{"n": 1}', source=stream.name))
    (line,) = lines(shared_aws, stream)
    event = json.loads(line)
    assert (event["source"], event["detail-type"], event["detail"]) == (stream.name, "Processed", {"n": 1})


def test_an_event_for_a_stream_that_is_gone_is_a_letter_and_a_failed_invocation(
    shared_aws: LocalAwsProcess,
) -> None:
    gone = Stream(shared_aws.aws)
    name = f"letters-{uuid.uuid4().hex[:8]}"
    sqs = shared_aws.aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    gone.target(
        {"source": [gone.name]}, DeadLetterConfig={"Arn": f"arn:aws:sqs:us-east-1:000000000000:{name}"}
    )
    put(shared_aws, told('{"n": 1}', source=gone.name))
    (letter,) = eventually(
        lambda: sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages"), "a letter"
    )
    assert json.loads(letter["Body"])["detail"] == {"n": 1}
    said = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert (said["ERROR_CODE"], said["TARGET_ARN"]) == ("NO_RESOURCE", gone.arn)
    assert Queue(sqs, name).depth().total == 1
    points = shared_aws.aws.client("cloudwatch").list_metrics(
        Namespace="AWS/Events", Dimensions=[{"Name": "RuleName", "Value": gone.name}]
    )["Metrics"]
    assert [point["MetricName"] for point in points] == ["FailedInvocations"]
