"""The way of the participation service's events to S3 and Athena, as seed 003 §8 asks for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devstack.deploy import settings_of
from include.core.contracts.participation import EVENT_SOURCE, PROCESSED
from tests.infrastructure.conftest import ENVIRONMENT, Deployed
from tests.infrastructure.test_deployed import denies_without_tls, statements

pytestmark = pytest.mark.integration
BUCKET = f"tapeline-{ENVIRONMENT}-events-000000000000"
STREAM = f"tapeline-{ENVIRONMENT}-events"
RULE = f"tapeline-{ENVIRONMENT}-rule-worker-to-firehose"
LETTERS = f"tapeline-{ENVIRONMENT}-events-dlq"


@pytest.fixture(scope="session")
def stream(deployed: Deployed) -> dict[str, Any]:
    """The delivery stream's description."""
    client = deployed.aws.client("firehose")
    found: dict[str, Any] = client.describe_delivery_stream(DeliveryStreamName=STREAM)
    return dict(found["DeliveryStreamDescription"])


def policies(deployed: Deployed, role: str) -> list[dict[str, Any]]:
    """Return what a role may do."""
    client = deployed.aws.client("iam")
    names = client.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    return [statement for document in documents for statement in document["Statement"]]


def test_the_bucket_is_private_encrypted_and_refuses_plain_http(deployed: Deployed) -> None:
    client = deployed.aws.client("s3")
    assert deployed.outputs["EventsBucket"] == BUCKET
    assert all(client.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values())
    (rule,) = client.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert denies_without_tls(client.get_bucket_policy(Bucket=BUCKET)["Policy"], f"arn:aws:s3:::{BUCKET}/*")


def test_events_move_to_cheaper_storage_and_query_results_go(deployed: Deployed) -> None:
    found = deployed.aws.client("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    rules = {rule["ID"]: rule for rule in found}
    assert (rules["cool-down"]["Filter"], rules["cool-down"]["Transitions"]) == (
        {"Prefix": "events/"},
        [{"Days": 30, "StorageClass": "STANDARD_IA"}],
    )
    forgotten = rules["forget-query-results"]
    assert (forgotten["Filter"], forgotten["Expiration"]) == ({"Prefix": "athena-results/"}, {"Days": 14})
    assert not any("Expiration" in rule for name, rule in rules.items() if name != "forget-query-results")


def test_the_stream_buffers_separates_and_names_as_the_seed_says(stream: dict[str, Any]) -> None:
    assert stream["DeliveryStreamType"] == "DirectPut"
    assert stream["DeliveryStreamEncryptionConfiguration"]["Status"] == "ENABLED"
    to = stream["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert to["BucketARN"] == f"arn:aws:s3:::{BUCKET}"
    assert to["Prefix"] == "events/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
    assert to["ErrorOutputPrefix"].startswith("events/error/")
    assert to["BufferingHints"] == {"IntervalInSeconds": 60, "SizeInMBs": 1}
    assert to["CompressionFormat"] == "UNCOMPRESSED"
    (processor,) = to["ProcessingConfiguration"]["Processors"]
    assert processor["Type"] == "AppendDelimiterToRecord"
    assert processor["Parameters"] == [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]


def test_the_stream_logs_what_it_cannot_deliver(deployed: Deployed, stream: dict[str, Any]) -> None:
    logs = stream["Destinations"][0]["ExtendedS3DestinationDescription"]["CloudWatchLoggingOptions"]
    assert logs["Enabled"]
    client = deployed.aws.client("logs")
    (group,) = client.describe_log_groups(logGroupNamePrefix=logs["LogGroupName"])["logGroups"]
    assert group["retentionInDays"] == 30
    found = client.describe_log_streams(logGroupName=logs["LogGroupName"])["logStreams"]
    assert logs["LogStreamName"] in [one["logStreamName"] for one in found]


def test_the_rule_gives_the_workers_events_alone_to_the_stream(
    deployed: Deployed, stream: dict[str, Any]
) -> None:
    client = deployed.aws.client("events")
    rule = client.describe_rule(Name=RULE)
    assert rule["State"] == "ENABLED"
    assert json.loads(rule["EventPattern"]) == {
        "source": [EVENT_SOURCE],
        "detail-type": [PROCESSED, "RequestFailed"],
    }
    (target,) = client.list_targets_by_rule(Rule=RULE)["Targets"]
    assert (target["Arn"], target["InputPath"]) == (stream["DeliveryStreamARN"], "$.detail")
    assert target["RoleArn"].endswith(f":role/tapeline-{ENVIRONMENT}-events-rule")
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}


def test_events_that_cannot_be_delivered_are_kept_as_letters_of_the_rule(deployed: Deployed) -> None:
    (target,) = deployed.aws.client("events").list_targets_by_rule(Rule=RULE)["Targets"]
    found = deployed.queue(LETTERS)
    assert target["DeadLetterConfig"]["Arn"] == found["QueueArn"] == deployed.outputs["EventsDlqArn"]
    assert (found["SqsManagedSseEnabled"], found["MessageRetentionPeriod"]) == ("true", "1209600")
    assert denies_without_tls(found["Policy"], found["QueueArn"])
    (allowed,) = [one for one in statements(found["Policy"]) if one["Effect"] == "Allow"]
    assert allowed["Condition"]["ArnEquals"]["aws:SourceArn"].endswith(f":rule/{RULE}")


def test_eventbridge_may_put_records_into_the_stream_and_nothing_else(
    deployed: Deployed, stream: dict[str, Any]
) -> None:
    (allowed,) = policies(deployed, f"tapeline-{ENVIRONMENT}-events-rule")
    assert set(allowed["Action"]) == {"firehose:PutRecord", "firehose:PutRecordBatch"}
    assert allowed["Resource"] == stream["DeliveryStreamARN"]


def test_firehose_may_write_events_and_its_log_and_nothing_else(deployed: Deployed) -> None:
    allowed = policies(deployed, f"tapeline-{ENVIRONMENT}-events-delivery")
    by_action = {action: one["Resource"] for one in allowed for action in one["Action"]}
    assert by_action["s3:PutObject"] == f"arn:aws:s3:::{BUCKET}/events/*"
    assert by_action["logs:PutLogEvents"].endswith(f"tapeline-{ENVIRONMENT}-events:log-stream:S3Delivery")
    assert not any("*" in action or action.startswith("s3:Delete") for action in by_action)


@pytest.mark.parametrize("role", ["events-rule", "events-delivery", "analytics"])
def test_no_statement_allows_everything(deployed: Deployed, role: str) -> None:
    for statement in policies(deployed, f"tapeline-{ENVIRONMENT}-{role}"):
        resources = statement["Resource"]
        assert "*" not in (resources if isinstance(resources, list) else [resources])
        assert not any(action.endswith("*") for action in statement["Action"])


def test_the_analysis_may_not_change_events_or_requests(deployed: Deployed) -> None:
    allowed = policies(deployed, f"tapeline-{ENVIRONMENT}-analytics")
    writing = [
        resource
        for one in allowed
        if {"s3:PutObject", "s3:DeleteObject"} & set(one["Action"])
        for resource in (one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]])
    ]
    assert set(writing) == {
        f"arn:aws:s3:::{BUCKET}/athena-results/*",
        f"arn:aws:s3:::{BUCKET}/evidence/*",
        f"arn:aws:s3:::{deployed.outputs['CuratedBucket']}/analytics/*",
    }
    actions = {action for one in allowed for action in one["Action"]}
    assert {action for action in actions if action.startswith("dynamodb:")} == {"dynamodb:Scan"}
    assert not {action for action in actions if action.startswith("glue:Delete")}


def test_the_workgroup_says_where_results_go_and_how_much_is_read(deployed: Deployed) -> None:
    client = deployed.aws.client("athena")
    found = client.get_work_group(WorkGroup=deployed.outputs["EventsWorkgroup"])["WorkGroup"]
    config = found["Configuration"]
    assert (found["Name"], config["EnforceWorkGroupConfiguration"]) == (f"tapeline-{ENVIRONMENT}", True)
    assert config["ResultConfiguration"]["OutputLocation"] == f"s3://{BUCKET}/athena-results/"
    assert config["ResultConfiguration"]["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}
    assert config["PublishCloudWatchMetricsEnabled"]
    assert int(config["BytesScannedCutoffPerQuery"]) >= 10 << 20


def test_the_database_is_there_and_has_a_name_that_athena_takes(deployed: Deployed) -> None:
    name = deployed.outputs["EventsDatabase"]
    assert deployed.aws.client("glue").get_database(Name=name)["Database"]["Name"] == name
    assert name == f"participation_{ENVIRONMENT}"


def test_the_settings_name_the_service_once_all_of_it_is_deployed(deployed: Deployed) -> None:
    whole = {**deployed.outputs, "RequestsTable": "requests"}
    found = settings_of(ENVIRONMENT, whole).participation
    assert found
    assert found.model_dump() == {
        "requests_table": "requests",
        "events_bucket": BUCKET,
        "database": f"participation_{ENVIRONMENT}",
        "workgroup": f"tapeline-{ENVIRONMENT}",
    }
    for name in ("RequestsTable", "EventsBucket", "EventsDatabase", "EventsWorkgroup"):
        lacking = {key: value for key, value in whole.items() if key != name}
        assert settings_of(ENVIRONMENT, lacking).participation is None
