"""The templates are deployed to the local AWS, whole, and again without a change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devstack.aws.repairs import apply_dropped
from devstack.deploy import DeploymentFailed, deploy, settings_of
from devstack.stack import Stack
from devstack.templates import PlannedStack, planned_stacks, stack_name
from include.clients.aws import Aws

pytestmark = pytest.mark.integration
NOWHERE = Aws("us-east-1", "http://127.0.0.1:1", "none", "none")
RAW = "tapeline-local-raw-000000000000"


def test_deploying_again_changes_nothing(running_stack: Stack) -> None:
    aws = running_stack.aws()
    before = events(running_stack)
    outputs = deploy(aws, "local", poll_seconds=0.1)
    assert outputs == running_stack.home.deployment()
    assert events(running_stack) == before
    for planned in planned_stacks():
        assert apply_dropped(aws, "local", planned) == []


def events(running_stack: Stack) -> dict[str, tuple[Any, int]]:
    """Return of each stack when it was changed last, and how many events it has."""
    client = running_stack.aws().client("cloudformation")
    found = {}
    for planned in planned_stacks():
        name = stack_name("local", planned.name)
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
        changed = stack.get("LastUpdatedTime") or stack["CreationTime"]
        found[name] = (changed, len(client.describe_stack_events(StackName=name)["StackEvents"]))
    return found


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
    running_stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "broken.yaml").write_text(
        "Resources:\n  Task:\n    Type: Custom::Task\n"
        "    Properties: {ServiceToken: 'arn:aws:lambda:us-east-1:000000000000:function:absent'}\n"
    )
    broken = PlannedStack("broken", tmp_path / "broken.yaml")
    with pytest.raises(DeploymentFailed, match=r"tapeline-local-broken .*Task: .*absent"):
        deploy(running_stack.aws(), "local", stacks=[broken], poll_seconds=0.1)


def test_a_template_that_asks_for_what_nobody_puts_out_is_not_deployed(tmp_path: Path) -> None:
    (tmp_path / "lonely.yaml").write_text("Parameters: {Absent: {Type: String}}")
    with pytest.raises(DeploymentFailed, match="Absent"):
        deploy(NOWHERE, "local", stacks=[PlannedStack("lonely", tmp_path / "lonely.yaml")])
