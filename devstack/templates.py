"""Which stacks a deployment has, and what their templates ask for and put out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from include.core.domains import Domain, domains

TEMPLATES = Path(__file__).parents[1] / "infrastructure" / "cloudformation"
ONCE = ("storage", "alerts", "extract", "access", "dashboard", "lake", "participation")
"""Templates with one stack each; `load` has one a domain."""
A_DOMAIN = "load"


class _Loader(yaml.SafeLoader):
    """Reads a template; `!Ref x` and its like become their bare value, which is enough for what is read here."""


def _bare(loader: _Loader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]


_Loader.add_multi_constructor("!", _bare)


def read_template(text: str) -> dict[str, Any]:
    """Return a template without its tags."""
    found: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    return found


@dataclass(frozen=True)
class PlannedStack:
    """One stack of every deployment; its CloudFormation name is `tapeline-<environment>-<name>`."""

    name: str
    template: Path
    parameters: dict[str, str] = field(default_factory=dict)
    """What it alone is told."""

    @cached_property
    def body(self) -> str:
        """The template's text."""
        return self.template.read_text()

    @cached_property
    def declared(self) -> dict[str, dict[str, Any]]:
        """The template's parameters by name."""
        return dict(read_template(self.body).get("Parameters") or {})

    @property
    def needs(self) -> set[str]:
        """Parameters that have no default and that others must give."""
        return {
            name for name, said in self.declared.items() if "Default" not in said
        } - self.parameters.keys()

    def output_name(self, key: str) -> str:
        """Return an output's name among all stacks; stacks of one template put out the same keys."""
        return f"{self.name}.{key}" if self.template.stem == A_DOMAIN else key


def stack_name(environment: str, name: str) -> str:
    """Return the CloudFormation name of one of our stacks."""
    return f"tapeline-{environment}-{name}"


def planned_stacks(registry: Iterable[Domain] | None = None) -> list[PlannedStack]:
    """Return the stacks of a deployment; the registry's entries, else the repository's, have one each."""
    once = [PlannedStack(name, TEMPLATES / f"{name}.yaml") for name in ONCE]
    a_domain = [
        PlannedStack(f"{A_DOMAIN}-{domain.name}", TEMPLATES / f"{A_DOMAIN}.yaml", {"Domain": domain.name})
        for domain in (domains().values() if registry is None else registry)
    ]
    return once + a_domain
