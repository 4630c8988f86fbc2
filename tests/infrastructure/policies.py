"""A small evaluator of IAM policies: by action, resource and (`ForAnyValue:`)`StringEquals`; more fails the test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from include.clients.aws import Aws
from tests.infrastructure.calls import Call


@dataclass(frozen=True)
class Statement:
    """One statement of a role's policies."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    context: tuple[tuple[str, str], ...]
    """Condition keys, and the one value each must have."""

    @property
    def is_anothers(self) -> bool:
        """Whether it is for what a service of AWS does in the role's name, which is recorded nowhere."""
        return "aws:CalledVia" in dict(self.context)

    def allows(self, call: Call) -> bool:
        """Return whether this statement alone allows the call."""
        return (
            call.action in self.actions
            and any(matches(pattern, call.resource) for pattern in self.resources)
            and set(self.context) <= set(call.context)
        )

    def narrowed(self, action: str, resource: str) -> Statement:
        """Return this statement with one action and one resource alone."""
        return replace(self, actions=(action,), resources=(resource,))


def matches(pattern: str, text: str) -> bool:
    """Return whether an IAM pattern (`*` and `?`) means the text."""
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def statements_of(aws: Aws, role: str) -> list[Statement]:
    """Return the statements of all policies of a role, as IAM has them."""
    client = aws.client("iam")
    assert client.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    return [
        _statement(statement)
        for name in client.list_role_policies(RoleName=role)["PolicyNames"]
        for statement in client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    ]


def _statement(said: dict[str, Any]) -> Statement:
    assert said.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}
    assert said["Effect"] == "Allow"
    condition = dict(said.get("Condition", {}))
    equals = condition.pop("StringEquals", {}) | condition.pop("ForAnyValue:StringEquals", {})
    assert not condition, f"{condition} is not evaluated here"
    return Statement(said["Sid"], _listed(said["Action"]), _listed(said["Resource"]), tuple(equals.items()))


def _listed(said: str | Sequence[str]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)
