"""Deploys infrastructure/cloudformation to an AWS account, real or local: created where absent, else updated.

`python -m devstack.deploy --environment dev` uses boto3's own credentials and prints the JSON for the
Variable `tapeline_settings`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from devstack.templates import PlannedStack, planned_stacks, stack_name
from include.clients.aws import Aws, aws_error, error_code
from include.core.errors import TapelineError, TerminalError
from include.core.settings import ParticipationSettings, Settings

_UNUSABLE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"}
"""States of a stack that never came to be: CloudFormation only lets us delete it."""


class DeploymentFailed(TerminalError):
    """CloudFormation could not create or update a stack; the message has the first reason it gave."""


def deploy(
    aws: Aws,
    environment: str,
    *,
    stacks: Sequence[PlannedStack] | None = None,
    parameters: Mapping[str, str] | None = None,
    poll_seconds: float = 5,
) -> dict[str, str]:
    """Create or update every stack; return their outputs in one dict. Doing it again changes nothing.

    A stack begins as soon as its parameters are known: they are the outputs, of the same name, of others.
    `parameters` sets those with a default; they stay as they were set until they are set again.
    """
    given = {"Environment": environment, **(parameters or {})}
    outputs: dict[str, str] = {}
    waiting = list(planned_stacks() if stacks is None else stacks)
    while waiting:
        known = {**given, **outputs}
        ready = [stack for stack in waiting if stack.needs <= known.keys()]
        if not ready:
            lacking = sorted(set().union(*(stack.needs for stack in waiting)) - known.keys())
            raise DeploymentFailed(f"No stack puts out {', '.join(lacking)}, which templates ask for.")
        deploying = partial(_deploy_stack, aws, environment, known=known, poll_seconds=poll_seconds)
        with ThreadPoolExecutor(len(ready)) as pool:
            for found in pool.map(deploying, ready):
                outputs.update(found)
        waiting = [stack for stack in waiting if stack not in ready]
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
        participation=_participation(outputs),
    )


def _participation(outputs: dict[str, str]) -> ParticipationSettings | None:
    """Return the names of the participation service; None where a part of it is not deployed."""
    names = {
        "requests_table": "RequestsTable",
        "events_bucket": "EventsBucket",
        "database": "EventsDatabase",
        "workgroup": "EventsWorkgroup",
    }
    if not outputs.keys() >= set(names.values()):
        return None
    return ParticipationSettings(**{field: outputs[name] for field, name in names.items()})


def _deploy_stack(
    aws: Aws, environment: str, stack: PlannedStack, *, known: Mapping[str, str], poll_seconds: float
) -> dict[str, str]:
    name = stack_name(environment, stack.name)
    try:
        outputs = _create_or_update(aws.client("cloudformation"), name, stack, known, poll_seconds)
    except (ClientError, BotoCoreError) as error:
        raise aws_error(error, f"deploying the stack {name}") from error
    return {stack.output_name(key): value for key, value in outputs.items()}


def _create_or_update(
    client: Any, name: str, stack: PlannedStack, known: Mapping[str, str], poll_seconds: float
) -> dict[str, str]:
    found = _describe(client, name)
    if found and found["StackStatus"] in _UNUSABLE:
        client.delete_stack(StackName=name)
        _wait(client, "stack_delete_complete", name, poll_seconds)
        found = None
    request = {
        "StackName": name,
        "TemplateBody": stack.body,
        "Parameters": _parameters(stack, known, found),
        "Tags": [
            {"Key": "project", "Value": "tapeline"},
            {"Key": "environment", "Value": known["Environment"]},
        ],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    if found is None:
        client.create_stack(**request)
        _wait(client, "stack_create_complete", name, poll_seconds)
    elif _update(client, request):
        _wait(client, "stack_update_complete", name, poll_seconds)
    else:
        return _outputs(found)
    return _outputs(_describe(client, name) or {})


def _parameters(
    stack: PlannedStack, known: Mapping[str, str], found: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """Return the parameters of a request; one that nobody gives stays as it is, at first at its default."""
    values = {**known, **stack.parameters}
    before = {parameter["ParameterKey"] for parameter in (found or {}).get("Parameters", [])}
    return [
        {"ParameterKey": name, "ParameterValue": values[name]}
        if name in values
        else {"ParameterKey": name, "UsePreviousValue": True}
        for name in stack.declared
        if name in values or name in before
    ]


def _outputs(described: dict[str, Any]) -> dict[str, str]:
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


def _named_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def main() -> int:
    """Deploy with boto3's own credentials; print the settings; return 0, or 1 after one line."""
    parser = argparse.ArgumentParser(prog="python -m devstack.deploy", description=__doc__)
    parser.add_argument(
        "--environment", required=True, help="dev, prod …; `local` is deployed by `tapeline up`"
    )
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", type=_named_value,
        help="of any template, for instance ManifestRule=ENABLED; it stays set",
    )  # fmt: skip
    asked = parser.parse_args()
    try:
        outputs = deploy(Aws(region=asked.region), asked.environment, parameters=dict(asked.parameter))
    except TapelineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    settings = settings_of(asked.environment, outputs).model_dump_json(exclude_none=True, indent=2)
    sys.stdout.write(f"{settings}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
