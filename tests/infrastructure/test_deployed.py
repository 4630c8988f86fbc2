"""What the templates ask for is there after a deployment, as the services themselves say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devstack.aws.repairs import apply_dropped
from devstack.deploy import deploy, main, settings_of
from devstack.templates import planned_stacks, stack_name
from include.clients.aws import Aws
from include.core.domains import Domain, domains
from include.core.queues import load_queues, participation_queues, queue_pairs
from include.core.settings import Settings
from tests.infrastructure.conftest import ENVIRONMENT, OWN, Deployed

pytestmark = pytest.mark.integration
TABLES = ("IdempotencyTable", "BatchTable", "SourceTable", "RequestsTable")
BUCKETS = ("RawBucket", "CuratedBucket")
WORK = [str(pair.queue) for pair in queue_pairs(ENVIRONMENT) if pair.queue]
PARTICIPATION = participation_queues(ENVIRONMENT)
BY_RULE = [name for name in WORK if name != PARTICIPATION.queue]
LETTERS = [pair.dlq for pair in queue_pairs(ENVIRONMENT)]


def test_deploying_again_changes_nothing(deployed: Deployed) -> None:
    def events(aws: Aws) -> dict[str, int]:
        client = aws.client("cloudformation")
        names = [stack_name(ENVIRONMENT, stack.name) for stack in planned_stacks()]
        return {name: len(client.describe_stack_events(StackName=name)["StackEvents"]) for name in names}

    before = events(deployed.aws)
    assert deploy(deployed.aws, ENVIRONMENT, poll_seconds=0.1) == deployed.outputs
    assert events(deployed.aws) == before
    assert [apply_dropped(deployed.aws, ENVIRONMENT, stack) for stack in planned_stacks()] == [[]] * len(
        planned_stacks()
    )


def test_make_deploy_prints_the_settings_of_the_same_stacks(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws = deployed.aws
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(aws.endpoint_url))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(aws.access_key_id))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(aws.secret_access_key))
    monkeypatch.setattr(
        "sys.argv", ["deploy", "--environment", ENVIRONMENT, "--parameter", "ManifestDomain=market"]
    )
    assert main() == 0
    assert Settings.model_validate_json(capsys.readouterr().out) == settings_of(ENVIRONMENT, deployed.outputs)


def test_a_parameter_stays_as_it_was_set_until_it_is_set_again(deployed: Deployed) -> None:
    rule = {"Name": f"tapeline-{ENVIRONMENT}-price-manifests"}
    client = deployed.aws.client("events")
    extract = [stack for stack in planned_stacks() if stack.name == "extract"]
    assert client.describe_rule(**rule)["State"] == "DISABLED"
    for parameters, state in (
        ({"ManifestRule": "ENABLED"}, "ENABLED"),
        ({}, "ENABLED"),
        ({"ManifestRule": "DISABLED"}, "DISABLED"),
    ):
        given = {**deployed.outputs, **OWN, **parameters}
        deploy(deployed.aws, ENVIRONMENT, stacks=extract, parameters=given, poll_seconds=0.1)
        assert client.describe_rule(**rule)["State"] == state


def test_a_new_domain_has_its_queues_rule_alarms_and_role(deployed: Deployed) -> None:
    health = Domain(name="health", batch_size=2, priority="low", memory_mb=512)
    stacks = planned_stacks([*domains().values(), health])
    deploy(deployed.aws, ENVIRONMENT, stacks=stacks, poll_seconds=0.1)
    pair = load_queues(ENVIRONMENT, "health")
    assert deployed.queue(pair.dlq)["QueueArn"] in deployed.queue(str(pair.queue))["RedrivePolicy"]
    rule = deployed.aws.client("events").describe_rule(Name=f"tapeline-{ENVIRONMENT}-health-load")
    assert "health/*.parquet" in rule["EventPattern"]
    prefix = f"tapeline-{ENVIRONMENT}-health-"
    alarms = deployed.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
    assert {alarm["AlarmName"].removeprefix(prefix) for alarm in alarms} >= {"LoadDLQMessages"}
    iam = deployed.aws.client("iam")
    assert iam.get_role(RoleName=f"tapeline-{ENVIRONMENT}-load-health")
    assert "load-health" in iam.list_role_policies(RoleName=f"tapeline-{ENVIRONMENT}-watcher")["PolicyNames"]


@pytest.mark.parametrize("output", TABLES)
def test_a_table_is_encrypted_forgets_and_can_be_restored(deployed: Deployed, output: str) -> None:
    client, name = deployed.aws.client("dynamodb"), deployed.outputs[output]
    ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    assert client.describe_table(TableName=name)["Table"]["SSEDescription"]["Status"] == "ENABLED"
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


@pytest.mark.parametrize("output", BUCKETS)
def test_a_bucket_is_private_encrypted_cleaned_up_and_tells_eventbridge(
    deployed: Deployed, output: str
) -> None:
    client, name = deployed.aws.client("s3"), deployed.outputs[output]
    assert all(client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    encryption = client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    assert encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    ownership = client.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert "EventBridgeConfiguration" in client.get_bucket_notification_configuration(Bucket=name)
    rules = client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert "abort-unfinished-uploads" in [rule["ID"] for rule in rules]
    assert denies_without_tls(client.get_bucket_policy(Bucket=name)["Policy"], f"arn:aws:s3:::{name}/*")


def test_old_versions_of_raw_objects_are_kept_and_forgotten(deployed: Deployed) -> None:
    client, name = deployed.aws.client("s3"), deployed.outputs["RawBucket"]
    assert client.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    rules = {rule["ID"]: rule for rule in client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]}
    assert rules["forget-old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}


@pytest.mark.parametrize("name", WORK)
def test_a_queue_hides_for_as_long_as_its_work_takes_and_gives_up_after_five_deliveries(
    deployed: Deployed, name: str
) -> None:
    found = deployed.queue(name)
    pairs = {pair.queue: pair.dlq for pair in queue_pairs(ENVIRONMENT)}
    assert found["VisibilityTimeout"] == ("60" if name == PARTICIPATION.queue else "1800")
    redrive = json.loads(found["RedrivePolicy"])
    assert (redrive["deadLetterTargetArn"].split(":")[-1], redrive["maxReceiveCount"]) == (pairs[name], 5)


@pytest.mark.parametrize("name", WORK + LETTERS)
def test_a_queue_is_encrypted_keeps_for_two_weeks_and_refuses_plain_http(
    deployed: Deployed, name: str
) -> None:
    found = deployed.queue(name)
    assert (found["SqsManagedSseEnabled"], found["MessageRetentionPeriod"]) == ("true", "1209600")
    assert denies_without_tls(found["Policy"], found["QueueArn"])


@pytest.mark.parametrize("name", BY_RULE)
def test_only_its_own_rule_is_let_into_a_queue(deployed: Deployed, name: str) -> None:
    found = deployed.queue(name)
    (allowed,) = [one for one in statements(found["Policy"]) if one["Effect"] == "Allow"]
    assert (allowed["Principal"], allowed["Action"]) == (
        {"Service": "events.amazonaws.com"},
        "sqs:SendMessage",
    )
    rule = allowed["Condition"]["ArnEquals"]["aws:SourceArn"].split("/")[-1]
    targets = deployed.aws.client("events").list_targets_by_rule(Rule=rule)["Targets"]
    assert [target["Arn"] for target in targets] == [found["QueueArn"]]
    pairs = {str(pair.queue): pair.dlq for pair in queue_pairs(ENVIRONMENT)}
    assert targets[0]["DeadLetterConfig"]["Arn"] == deployed.queue(pairs[name])["QueueArn"]


@pytest.mark.parametrize("priority", ["P0", "P1", "P2"])
def test_a_topic_is_encrypted_and_hears_alarms_of_this_account_alone(
    deployed: Deployed, priority: str
) -> None:
    topic = deployed.outputs[f"Alerts{priority}"]
    found = deployed.aws.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    key = deployed.aws.client("kms").describe_key(KeyId=found["KmsMasterKeyId"])["KeyMetadata"]
    assert key["KeyManager"] == "CUSTOMER"
    (allowed,) = [one for one in statements(found["Policy"]) if one["Effect"] == "Allow"]
    assert (allowed["Principal"], allowed["Action"]) == (
        {"Service": "cloudwatch.amazonaws.com"},
        "sns:Publish",
    )
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": "000000000000"}}
    assert denies_without_tls(found["Policy"], topic)


def test_what_the_local_cloudformation_drops_is_known_by_name(deployed: Deployed) -> None:
    assert {what.split(" of ")[0] for what in deployed.repaired} == {
        "TTL", "encryption", "lifecycle", "point-in-time recovery",
    }  # fmt: skip


def statements(policy: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(policy)["Statement"]
    return found


def denies_without_tls(policy: str, arn: str) -> bool:
    """Return whether the policy refuses everybody who calls about `arn` without TLS."""
    return any(
        one["Effect"] == "Deny"
        and one["Principal"] == "*"
        and arn in (one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]])
        and one["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for one in statements(policy)
    )
