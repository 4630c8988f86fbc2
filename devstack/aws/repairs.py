"""What MiniStack's CloudFormation drops in silence, applied again through the services' own APIs.

Without it a test of the local AWS would pass although the real deployment behaves otherwise. Nothing is
applied that has arrived: tests/infrastructure/test_deployed.py holds the templates against what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from devstack.templates import PlannedStack, read_template, stack_name
from include.clients.aws import Aws, error_code

Properties = Mapping[str, Any]
Repair = Callable[[Aws, str, Properties], list[str]]
"""From a resource's physical name and its properties to what had to be applied."""


def apply_dropped(aws: Aws, environment: str, stack: PlannedStack) -> list[str]:
    """Apply what the stack's template asks for and did not arrive; return what that was."""
    broken = {
        logical: resource
        for logical, resource in read_template(stack.body)["Resources"].items()
        if resource["Type"] in _REPAIRS
    }
    if not broken:
        return []
    answer = aws.client("cloudformation").describe_stack_resources(
        StackName=stack_name(environment, stack.name)
    )
    names = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in answer["StackResources"]}
    changed = []
    for logical, resource in broken.items():
        properties = {key: _name(value, names) for key, value in resource.get("Properties", {}).items()}
        for repair in _REPAIRS[resource["Type"]]:
            changed += repair(aws, names[logical], properties)
    return changed


def _name(value: Any, names: Mapping[str, str]) -> Any:
    """Return the name of the resource that a property refers to; other values as they are."""
    return names.get(value, value) if isinstance(value, str) else value


def _enable_ttl(aws: Aws, table: str, properties: Properties) -> list[str]:
    if "TimeToLiveSpecification" not in properties:
        return []
    client = aws.client("dynamodb")
    described = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if described["TimeToLiveStatus"] in ("ENABLED", "ENABLING"):
        return []
    client.update_time_to_live(
        TableName=table, TimeToLiveSpecification=dict(properties["TimeToLiveSpecification"])
    )
    return [f"TTL of {table}"]


def _encrypt(aws: Aws, table: str, properties: Properties) -> list[str]:
    if not properties.get("SSESpecification", {}).get("SSEEnabled"):
        return []
    client = aws.client("dynamodb")
    if client.describe_table(TableName=table)["Table"].get("SSEDescription"):
        return []
    client.update_table(TableName=table, SSESpecification={"Enabled": True})
    return [f"encryption of {table}"]


def _enable_recovery(aws: Aws, table: str, properties: Properties) -> list[str]:
    wanted = properties.get("PointInTimeRecoverySpecification")
    if not wanted:
        return []
    client = aws.client("dynamodb")
    described = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    if described["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED":
        return []
    client.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=dict(wanted))
    return [f"point-in-time recovery of {table}"]


def _encrypt_topic(aws: Aws, topic: str, properties: Properties) -> list[str]:
    wanted, client = properties.get("KmsMasterKeyId"), aws.client("sns")
    if not wanted or client.get_topic_attributes(TopicArn=topic)["Attributes"].get("KmsMasterKeyId"):
        return []
    client.set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue=wanted)
    return [f"encryption of {topic}"]


def _put_lifecycle(aws: Aws, bucket: str, properties: Properties) -> list[str]:
    client = aws.client("s3")
    wanted = [_api_rule(rule) for rule in properties.get("LifecycleConfiguration", {}).get("Rules", [])]
    if _lifecycle(client, bucket) == wanted:
        return []
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": wanted})
    return [f"lifecycle of {bucket}"]


def _lifecycle(client: Any, bucket: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except ClientError as error:
        if error_code(error) == "NoSuchLifecycleConfiguration":
            return []
        raise
    return found


def _api_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a template's lifecycle rule in the words of the S3 API."""
    api: dict[str, Any] = {
        "ID": rule["Id"],
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    for same in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
        if same in rule:
            api[same] = rule[same]
    expiration = {
        word: rule[key]
        for key, word in (
            ("ExpirationInDays", "Days"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if key in rule
    }
    if expiration:
        api["Expiration"] = expiration
    if "Transitions" in rule:
        api["Transitions"] = [
            {"StorageClass": t["StorageClass"], "Days": t["TransitionInDays"]} for t in rule["Transitions"]
        ]
    return api


_REPAIRS: Mapping[str, tuple[Repair, ...]] = {
    "AWS::DynamoDB::Table": (_enable_ttl, _encrypt, _enable_recovery),
    "AWS::S3::Bucket": (_put_lifecycle,),
    "AWS::SNS::Topic": (_encrypt_topic,),
}
