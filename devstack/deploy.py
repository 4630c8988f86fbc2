"""Deploys infrastructure/cloudformation to an AWS account, real or local: created where absent, else updated.

`python -m devstack.deploy --environment dev` uses boto3's own credentials and prints the JSON for the
Variable `tapeline_settings`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from include.clients.aws import Aws, aws_error, error_code
from include.core.errors import TapelineError, TerminalError
from include.core.settings import Settings

TEMPLATES = Path(__file__).parents[1] / "infrastructure" / "cloudformation"
STACKS = ("storage", "extract")
"""In the order of deployment; a stack is `tapeline-<environment>-<name>`."""
_UNUSABLE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"}
"""States of a stack that never came to be: CloudFormation only lets us delete it."""


class DeploymentFailed(TerminalError):
    """CloudFormation could not create or update a stack; the message has the first reason it gave."""


def stack_name(environment: str, name: str) -> str:
    """Return the CloudFormation name of one of our stacks."""
    return f"tapeline-{environment}-{name}"


def deploy(aws: Aws, environment: str, *, poll_seconds: float = 5) -> dict[str, str]:
    """Create or update every stack; return their outputs in one dict. Doing it again changes nothing."""
    client = aws.client("cloudformation")
    outputs: dict[str, str] = {}
    try:
        for name in STACKS:
            outputs.update(_deploy_stack(client, environment, name, poll_seconds))
    except (ClientError, BotoCoreError) as error:
        raise aws_error(error, f"deploying the stack {stack_name(environment, name)}") from error
    return outputs


def settings_of(environment: str, outputs: dict[str, str]) -> Settings:
    """Return the settings that the outputs of the stacks make."""
    return Settings(
        environment=environment,
        raw_bucket=outputs["RawBucket"],
        curated_bucket=outputs["CuratedBucket"],
        idempotency_table=outputs["IdempotencyTable"],
        batch_table=outputs["BatchTable"],
        source_table=outputs["SourceTable"],
        extract_dlq=outputs["ExtractDlq"],
    )


def _deploy_stack(client: Any, environment: str, name: str, poll_seconds: float) -> dict[str, str]:
    stack = stack_name(environment, name)
    request = {
        "StackName": stack,
        "TemplateBody": (TEMPLATES / f"{name}.yaml").read_text(),
        "Parameters": [{"ParameterKey": "Environment", "ParameterValue": environment}],
        "Tags": [{"Key": "project", "Value": "tapeline"}, {"Key": "environment", "Value": environment}],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    found = _describe(client, stack)
    if found and found["StackStatus"] in _UNUSABLE:
        client.delete_stack(StackName=stack)
        _wait(client, "stack_delete_complete", stack, poll_seconds)
        found = None
    if found is None:
        client.create_stack(**request)
        _wait(client, "stack_create_complete", stack, poll_seconds)
    elif _update(client, request):
        _wait(client, "stack_update_complete", stack, poll_seconds)
    described = _describe(client, stack) or {}
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def _update(client: Any, request: dict[str, Any]) -> bool:
    """Start an update; return whether there was anything to update."""
    try:
        client.update_stack(**request)
    except ClientError as error:
        if error_code(error) == "ValidationError" and "No updates are to be performed" in str(error):
            return False
        raise
    return True


def _describe(client: Any, stack: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error_code(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return found


def _wait(client: Any, until: str, stack: str, poll_seconds: float) -> None:
    config = {"Delay": poll_seconds, "MaxAttempts": max(1, int(900 / poll_seconds))}
    try:
        client.get_waiter(until).wait(StackName=stack, WaiterConfig=config)
    except WaiterError as error:
        raise DeploymentFailed(f"The stack {stack} was not deployed: {_reason(client, stack)}") from error


def _reason(client: Any, stack: str) -> str:
    """Return the earliest failure of the stack's events."""
    events = client.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [e for e in events if e["ResourceStatus"].endswith("FAILED") and e.get("ResourceStatusReason")]
    if not failed:
        return "CloudFormation gave no reason; see the events of the stack."
    first = min(failed, key=lambda event: event["Timestamp"])
    return f"{first['LogicalResourceId']}: {first['ResourceStatusReason']}"


def main() -> int:
    """Deploy with boto3's own credentials; print the settings; return 0, or 1 after one line."""
    parser = argparse.ArgumentParser(prog="python -m devstack.deploy", description=__doc__)
    parser.add_argument(
        "--environment", required=True, help="dev, prod …; `local` is deployed by `tapeline up`"
    )
    parser.add_argument("--region", default="us-east-1")
    asked = parser.parse_args()
    try:
        outputs = deploy(Aws(region=asked.region), asked.environment)
    except TapelineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    settings = settings_of(asked.environment, outputs).model_dump_json(exclude_none=True, indent=2)
    sys.stdout.write(f"{settings}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
