"""The CloudFormation templates pass cfn-lint, and put out every name that the settings need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from devstack.deploy import STACKS, TEMPLATES, settings_of


def test_cfn_lint_finds_nothing() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), *sorted(TEMPLATES.glob("*.yaml"))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_every_template_is_deployed() -> None:
    assert sorted(STACKS) == sorted(file.stem for file in TEMPLATES.glob("*.yaml"))


@pytest.mark.parametrize("name", STACKS)
def test_outputs_are_named_once(name: str) -> None:
    others = "".join((TEMPLATES / f"{other}.yaml").read_text() for other in STACKS if other != name)
    text = (TEMPLATES / f"{name}.yaml").read_text().split("\nOutputs:\n")[1]
    outputs = [line.split(":")[0].strip() for line in text.splitlines() if line.strip()]
    assert outputs
    assert not [output for output in outputs if f"\n  {output}: {{Value" in others]


def test_settings_are_made_of_the_outputs_alone() -> None:
    outputs = {}
    for name in STACKS:
        text = (TEMPLATES / f"{name}.yaml").read_text().split("\nOutputs:\n")[1]
        outputs |= {line.split(":")[0].strip(): line for line in text.splitlines() if line.strip()}
    assert settings_of("dev", outputs).environment == "dev"
