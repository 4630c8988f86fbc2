"""The templates are deployed to the local AWS, whole, and again without a change."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.aws.repairs import apply_dropped
from devstack.deploy import STACKS, TEMPLATES, DeploymentFailed, deploy, settings_of, stack_name
from devstack.stack import Stack

pytestmark = pytest.mark.integration
RAW = "tapeline-local-raw-000000000000"


def test_deploying_again_changes_nothing(running_stack: Stack) -> None:
    aws = running_stack.aws()
    client = aws.client("cloudformation")
    before = {name: client.describe_stacks(StackName=stack_name("local", name)) for name in STACKS}
    outputs = deploy(aws, "local", poll_seconds=0.1)
    assert outputs == running_stack.home.deployment()
    for name in STACKS:
        now = client.describe_stacks(StackName=stack_name("local", name))["Stacks"][0]
        assert now["LastUpdatedTime"] == before[name]["Stacks"][0]["LastUpdatedTime"]
        assert apply_dropped(aws, stack_name("local", name), TEMPLATES / f"{name}.yaml") == []


@pytest.mark.parametrize("output", ["IdempotencyTable", "BatchTable", "SourceTable"])
def test_every_table_forgets_by_its_ttl_attribute(running_stack: Stack, output: str) -> None:
    table = running_stack.home.deployment()[output]
    found = running_stack.aws().client("dynamodb").describe_time_to_live(TableName=table)
    assert found["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}


def test_table_keys_are_those_the_clients_use(running_stack: Stack) -> None:
    settings = settings_of("local", running_stack.home.deployment())
    client = running_stack.aws().client("dynamodb")

    def keys(table: str) -> list[str]:
        return [key["AttributeName"] for key in client.describe_table(TableName=table)["Table"]["KeySchema"]]

    assert keys(settings.idempotency_table) == ["id"]
    assert keys(settings.batch_table) == ["batch_id", "item"]
    assert keys(settings.source_table) == ["id"]


def test_the_raw_bucket_is_private_encrypted_and_tells_eventbridge(running_stack: Stack) -> None:
    client = running_stack.aws().client("s3")
    assert all(client.get_public_access_block(Bucket=RAW)["PublicAccessBlockConfiguration"].values())
    assert client.get_bucket_encryption(Bucket=RAW)["ServerSideEncryptionConfiguration"]["Rules"]
    assert "EventBridgeConfiguration" in client.get_bucket_notification_configuration(Bucket=RAW)
    rules = client.get_bucket_lifecycle_configuration(Bucket=RAW)["Rules"]
    assert "abort-unfinished-uploads" in [rule["ID"] for rule in rules]


def test_the_catalog_has_the_database_of_the_domain(running_stack: Stack) -> None:
    found = running_stack.aws().client("glue").get_database(Name="market")
    assert found["Database"]["Name"] == "market"


def test_a_stack_that_cannot_be_made_says_which_resource_and_why(
    running_stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken.yaml").write_text(
        "Resources:\n  Task:\n    Type: Custom::Task\n"
        "    Properties: {ServiceToken: 'arn:aws:lambda:us-east-1:000000000000:function:absent'}\n"
    )
    monkeypatch.setattr("devstack.deploy.TEMPLATES", tmp_path)
    monkeypatch.setattr("devstack.deploy.STACKS", ("broken",))
    with pytest.raises(DeploymentFailed, match=r"tapeline-local-broken .*Task: .*absent"):
        deploy(running_stack.aws(), "local", poll_seconds=0.1)
