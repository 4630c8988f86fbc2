"""Seed 002, "Core Test Scenarios": security (1): IAM permissions, data encryption."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.stack import Stack
from devstack.templates import TEMPLATES, read_template
from include.clients.queues import Queue
from include.core.queues import load_queues
from include.core.settings import Settings

pytestmark = pytest.mark.integration
ONE_RESOURCE_ONLY = "cloudwatch:PutMetricData"
"""The single call that AWS gives no resource: its namespace restricts it."""


def _role(name: str) -> list[dict[str, Any]]:
    """Return the statements of the policies that a template gives its role."""
    resources = read_template((TEMPLATES / "load.yaml").read_text())["Resources"].values()
    return [
        statement
        for one in resources
        if one["Type"] == "AWS::IAM::Policy" and name in one["Properties"]["Roles"]
        for statement in one["Properties"]["PolicyDocument"]["Statement"]
    ]


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_security_1_the_loader_may_only_do_its_work_and_everything_is_encrypted(local: Stack) -> None:
    statements = _role("LoaderRole")
    allowed = {action for statement in statements for action in _list(statement["Action"])}
    assert {"s3:GetObject", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SendMessage"} <= allowed
    assert not {action for action in allowed if "*" in action or action.startswith(("s3:Put", "s3:Delete"))}
    for statement in statements:
        resources = _list(statement["Resource"])
        if ONE_RESOURCE_ONLY in _list(statement["Action"]):
            assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Tapeline/Load"}}
            continue
        assert "*" not in resources
        # files of the own domain, never a whole bucket's
        assert all("${Domain}/*" in one for one in resources if "s3:GetObject" in _list(statement["Action"]))

    aws, settings = (
        local.aws(),
        Settings.model_validate_json(local.environment()["AIRFLOW_VAR_TAPELINE_SETTINGS"]),
    )
    client = aws.client("sqs")
    pair = load_queues(settings.environment, "market")
    for name in (pair.queue, pair.dlq):
        attributes = client.get_queue_attributes(
            QueueUrl=Queue(client, str(name)).url, AttributeNames=["All"]
        )["Attributes"]
        assert attributes["SqsManagedSseEnabled"] == "true"
        assert '"aws:SecureTransport": "false"' in attributes["Policy"].replace('":"', '": "')
    s3 = aws.client("s3")
    assert s3.get_bucket_encryption(Bucket=settings.curated_bucket)["ServerSideEncryptionConfiguration"][
        "Rules"
    ]
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=settings.curated_bucket)["Policy"]
