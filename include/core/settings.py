"""Names of the deployment's resources: one Airflow Variable, `tapeline_settings`, as JSON.

Where services are (hosts, credentials) is in connections, never here.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from include.core.errors import InvalidSettings

VARIABLE = "tapeline_settings"


class ProcessingTrigger(BaseModel):
    """Manifests that start a transform on their own as they land (seed 000, "Manifest Hand-off")."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    domain: str
    """The manifest's key begins with `<domain>/`."""
    suffix: str = ".manifest.json"
    """What the manifest's key ends with."""
    min_size: int = 0
    """Smallest size in bytes; a manifest without objects has some 300."""


class ParticipationSettings(BaseModel):
    """Resources of the participation service and of the analysis of its events (seed 003)."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    requests_table: str
    """DynamoDB table of requests (with the index GSI1) and of each event's capacity."""
    events_bucket: str
    """Bucket of delivered events (`events/dt=…/hour=…/`) and of Athena's results (`athena-results/`)."""
    database: str
    """Glue database of the table `participation_logs`."""
    workgroup: str
    """Athena workgroup; it says where results go."""


class Settings(BaseModel):
    """Resource names, as the CloudFormation stacks put them out."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    environment: str
    """Deployment: `local`, `dev`, `prod` …; part of manifests, metrics and resource names."""
    raw_bucket: str
    """Bucket of RAW objects, manifests and batch papers."""
    curated_bucket: str
    """Bucket of curated Parquet, quarantine and quality records."""
    idempotency_table: str
    """DynamoDB table of claimed idempotency keys."""
    batch_table: str
    """DynamoDB table of the batch tracker."""
    source_table: str
    """DynamoDB table of rate limits and circuit breakers, shared by all workers."""
    extract_dlq: str
    """Name of the SQS queue for chunks that failed for good."""
    symbols_parameter: str | None = None
    """SSM parameter with the symbol universe; unset: not asked."""
    symbols_key: str | None = None
    """Key in the RAW bucket with the symbol universe; unset: not asked."""
    processing_triggers: list[ProcessingTrigger] = []
    """Manifests of other systems that are picked up; those of our own runs never are."""
    participation: ParticipationSettings | None = None
    """Unset: the deployment has no participation service."""


def parse_settings(text: str | None) -> Settings:
    """Return the settings from the Variable's JSON, or raise `InvalidSettings` saying what to set."""
    if not text:
        raise InvalidSettings(
            f"The Airflow Variable {VARIABLE!r} is not set, so no bucket or table is known. Set it to the "
            "JSON of the deployed stacks' outputs (airflow_settings.yaml has an example)."
        )
    try:
        return Settings.model_validate_json(text)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'JSON'}: {e['msg']}" for e in error.errors())
        raise InvalidSettings(f"The Airflow Variable {VARIABLE!r} is malformed: {faults}") from error
