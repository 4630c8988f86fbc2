"""The CloudFormation templates pass cfn-lint, fit together, and put out every name that the settings need."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from devstack.deploy import settings_of
from devstack.templates import TEMPLATES, PlannedStack, planned_stacks, read_template
from include.core.domains import Domain, domains

STACKS = {stack.name: stack for stack in planned_stacks()}
HEALTH = Domain(name="health", batch_size=2, priority="low", memory_mb=512)


def outputs_of(stack: PlannedStack) -> dict[str, Any]:
    found: dict[str, Any] = read_template(stack.body)["Outputs"]
    return {stack.output_name(key): output["Value"] for key, output in found.items()}


def test_cfn_lint_finds_nothing() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), *sorted(TEMPLATES.glob("*.yaml"))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_every_template_is_deployed() -> None:
    assert {stack.template for stack in STACKS.values()} == set(TEMPLATES.glob("*.yaml"))


def test_a_new_domain_of_the_registry_has_a_stack_of_its_own() -> None:
    planned = {stack.name: stack for stack in planned_stacks([*domains().values(), HEALTH])}
    assert planned.keys() - STACKS.keys() == {"load-health"}
    assert planned["load-health"].parameters == {"Domain": "health"}


def test_outputs_are_named_once() -> None:
    names = Counter(name for stack in STACKS.values() for name in outputs_of(stack))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("name", STACKS)
def test_what_a_template_asks_for_another_puts_out(name: str) -> None:
    others = {key for other in STACKS.values() if other.name != name for key in outputs_of(other)}
    assert STACKS[name].needs <= others | {"Environment"}


def test_settings_are_made_of_the_outputs_alone() -> None:
    outputs = {name: str(value) for stack in STACKS.values() for name, value in outputs_of(stack).items()}
    assert settings_of("dev", outputs).environment == "dev"
