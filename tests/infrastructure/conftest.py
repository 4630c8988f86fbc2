"""A deployment of the tests' own on an otherwise empty local AWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from devstack.aws.repairs import apply_dropped
from devstack.deploy import deploy
from devstack.templates import planned_stacks
from include.clients.aws import Aws

ENVIRONMENT = "infra"
OWN = {"CatalogDatabase": "infra"}


@dataclass(frozen=True)
class Deployed:
    """What `make deploy` made."""

    aws: Aws
    outputs: dict[str, str]
    repaired: list[str]
    """What the local CloudFormation had dropped."""

    def queue(self, name: str) -> dict[str, Any]:
        """Return the attributes of a queue."""
        client = self.aws.client("sqs")
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        found: dict[str, Any] = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return dict(found["Attributes"])


@pytest.fixture(scope="session")
def deployed(aws: Aws) -> Deployed:
    """Every stack, deployed once."""
    outputs = deploy(aws, ENVIRONMENT, parameters=OWN, poll_seconds=0.1)
    repaired = [what for stack in planned_stacks() for what in apply_dropped(aws, ENVIRONMENT, stack)]
    return Deployed(aws, outputs, repaired)
