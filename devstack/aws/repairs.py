"""What MiniStack's CloudFormation drops in silence, applied again through the services' own APIs.

Without it a test of the local AWS would pass although the real deployment behaves otherwise.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from devstack.templates import PlannedStack, read_template, stack_name
from include.clients.aws import Aws, error_code


def apply_dropped(aws: Aws, environment: str, stack: PlannedStack) -> list[str]:
    """Apply the TTL and the lifecycle rules that the stack's template asks for; return what was changed."""
    cloudformation = aws.client("cloudformation")
    name = stack_name(environment, stack.name)
    answer = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    names = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in answer}
    changed = []
    for logical, resource in read_template(stack.body)["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::DynamoDB::Table" and "TimeToLiveSpecification" in properties:
            ttl = properties["TimeToLiveSpecification"]["AttributeName"]
            changed += _enable_ttl(aws.client("dynamodb"), names[logical], ttl)
        if resource["Type"] == "AWS::S3::Bucket" and "LifecycleConfiguration" in properties:
            rules = properties["LifecycleConfiguration"]["Rules"]
            changed += _put_lifecycle(aws.client("s3"), names[logical], rules)
    return changed


def _enable_ttl(client: Any, table: str, attribute: str) -> list[str]:
    described = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if described["TimeToLiveStatus"] in ("ENABLED", "ENABLING"):
        return []
    client.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute}
    )
    return [f"TTL of {table}"]


def _put_lifecycle(client: Any, bucket: str, rules: list[dict[str, Any]]) -> list[str]:
    wanted = [_api_rule(rule) for rule in rules]
    if _lifecycle_ids(client, bucket) == [rule["ID"] for rule in wanted]:
        return []
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": wanted})
    return [f"lifecycle of {bucket}"]


def _lifecycle_ids(client: Any, bucket: str) -> list[str]:
    try:
        found = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except ClientError as error:
        if error_code(error) == "NoSuchLifecycleConfiguration":
            return []
        raise
    return [rule.get("ID", "") for rule in found]


def _api_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a template's lifecycle rule in the words of the S3 API."""
    api: dict[str, Any] = {
        "ID": rule["Id"],
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "AbortIncompleteMultipartUpload" in rule:
        api["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    if "ExpirationInDays" in rule:
        api["Expiration"] = {"Days": rule["ExpirationInDays"]}
    if "Transitions" in rule:
        api["Transitions"] = [
            {"StorageClass": t["StorageClass"], "Days": t["TransitionInDays"]} for t in rule["Transitions"]
        ]
    return api
