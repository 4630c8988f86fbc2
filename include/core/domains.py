"""The registry of domains: one entry of domains.yaml each (seed 002, "Domain Configuration")."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Priority = Literal["high", "medium", "low"]
DomainName = str


class Domain(BaseModel):
    """What differs between domains."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9]{1,20}$")
    batch_size: int = Field(ge=1, le=10)
    """Messages that are loaded together; SQS gives at most 10 at once."""
    priority: Priority
    memory_mb: int = Field(ge=256, le=10_240)
    """What a statement of its loader may hold in the warehouse, MB of 2^20 bytes; more is `E006`."""

    @property
    def prefix(self) -> str:
        """Where the domain's keys are in the curated bucket."""
        return f"{self.name}/"


@lru_cache(maxsize=1)
def domains() -> dict[DomainName, Domain]:
    """Return the domains by name, in the registry's order."""
    entries = yaml.safe_load((files("include.core") / "domains.yaml").read_text())
    named = [{"name": name, **entry} for name, entry in entries.items()]
    return {domain.name: domain for domain in TypeAdapter(list[Domain]).validate_python(named)}
