"""The registry of jobs: one entry of jobs.yaml each (seed 004, "ETL Job Configuration")."""

from __future__ import annotations

from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from include.core.errors import InvalidSettings

JobName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{2,60}$")]


class Job(BaseModel):
    """What differs between jobs."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: JobName
    schedule: str
    """Name of the schedule whose DAG runs it."""
    module: str
    """Has `Options`, `plan_chunks` and `load_chunk` (include/fundamentals/run.py says what they are)."""
    timeout: Annotated[int, Field(ge=1, le=24 * 60)]
    """Minutes that one task may take."""
    retries: Annotated[int, Field(ge=1, le=10)]
    """How often a task that failed is tried again."""
    dependencies: list[JobName] = []
    """Jobs that must have succeeded first, where they are part of the same run."""
    pool: str = "default_pool"
    """Pool of the tasks that load."""
    environment: dict[str, str] = {}
    """The job's own settings."""


class Registry(BaseModel):
    """Every job, and when its DAG runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schedules: dict[str, str]
    jobs: dict[JobName, Job]

    @model_validator(mode="after")
    def _fits_together(self) -> Registry:
        for job in self.jobs.values():
            if job.schedule not in self.schedules:
                raise ValueError(f"{job.name}: there is no schedule {job.schedule!r}")
            if unknown := set(job.dependencies) - set(self.jobs):
                raise ValueError(f"{job.name}: depends on {', '.join(sorted(unknown))}, which is no job")
        try:
            TopologicalSorter({job.name: job.dependencies for job in self.jobs.values()}).prepare()
        except CycleError as error:
            raise ValueError(f"jobs depend on each other: {' → '.join(error.args[1])}") from error
        return self

    def of(self, schedule: str | None = None) -> list[Job]:
        """Return the jobs of a schedule (None: all), each after those it depends on."""
        order = TopologicalSorter({job.name: job.dependencies for job in self.jobs.values()}).static_order()
        return [self.jobs[name] for name in order if schedule is None or self.jobs[name].schedule == schedule]


def load_registry(path: Path | None = None) -> Registry:
    """Return the registry of a file (None: ours); raise `InvalidSettings` with every fault."""
    source = path or files("include.fundamentals") / "jobs.yaml"
    content = yaml.safe_load(source.read_text())
    try:
        named = {name: {"name": name, **entry} for name, entry in content.pop("jobs").items()}
        return Registry.model_validate({**content, "jobs": named})
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'registry'}: {e['msg']}" for e in error.errors()
        )
        raise InvalidSettings(f"The registry of jobs is malformed: {faults}") from error


@lru_cache(maxsize=1)
def registry() -> Registry:
    """Return our registry."""
    return load_registry()
