"""What the service is told by environment variables, read once as it starts."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from include.clients.aws import Aws
from include.core.contracts.participation import OptionalEvent
from include.core.errors import InvalidSettings
from include.core.queues import QueuePair, participation_queues

PREFIX = "PARTICIPATION_"
"""Of every variable; the rest of its name is the field's, in capitals."""
HS_KEY_BYTES = 32
"""A shared key that is shorter can be guessed (RFC 7518 §3.2)."""
Found = TypeVar("Found", bound="ServiceConfig")


class ServiceConfig(BaseModel):
    """What every part of the service needs. Credentials are boto3's own business, never ours."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    environment: str = Field(pattern=r"^[a-z][a-z0-9-]{1,15}$")
    """Deployment: `local`, `dev`, `prod` …; part of the queues' names and of every event."""
    requests_table: str = Field(min_length=3)
    """DynamoDB table of requests and places; output `RequestsTable` of participation.yaml."""
    region: str = "us-east-1"
    endpoint_url: str | None = None
    """Where AWS is; unset: the real one."""
    events_endpoint_url: str | None = None
    """Where EventBridge is; unset: where the rest of AWS is."""
    event_bus: str = "default"
    """Where events go."""
    optional_events: frozenset[OptionalEvent] = frozenset()
    """Published beside `ParticipationProcessed`, names with commas between; the analysis does without them."""
    publish_seconds: int = Field(2, ge=1, le=60)
    """How long a call of EventBridge may take before its events are given up."""

    @field_validator("optional_events", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value

    @property
    def aws(self) -> Aws:
        """The account."""
        return Aws(region=self.region, endpoint_url=self.endpoint_url)

    @property
    def queues(self) -> QueuePair:
        """The queue between ingest and worker, and its dead-letter queue."""
        return participation_queues(self.environment)


class IngestConfig(ServiceConfig):
    """What ingest is told."""

    jwt_key: SecretStr
    """Shared key (HS256) or public key in PEM (RS256, ES256) that tokens are checked with."""
    jwt_algorithm: Literal["HS256", "RS256", "ES256"] = "RS256"
    """The one algorithm that is accepted, whatever a token says."""
    jwt_issuer: str = Field(min_length=1)
    jwt_audience: str = Field(min_length=1)
    host: str = "127.0.0.1"
    port: int = Field(8090, ge=0, le=65535)

    @model_validator(mode="after")
    def _key_is_long_enough(self) -> IngestConfig:
        if self.jwt_algorithm == "HS256" and len(self.jwt_key.get_secret_value().encode()) < HS_KEY_BYTES:
            raise ValueError(f"jwt_key has fewer than {HS_KEY_BYTES} bytes, too few for HS256")
        return self


class WorkerConfig(ServiceConfig):
    """What a worker is told."""

    worker_id: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}", min_length=1)
    """Who processed a request; part of its event."""
    parallelism: int = Field(8, ge=1, le=64)
    """Threads; each receives and handles up to ten messages at a time."""
    wait_seconds: int = Field(5, ge=0, le=20)
    """How long a poll waits for a first message, and a stop for the polls."""
    visibility_seconds: int = Field(60, ge=1, le=43_200)
    """When messages that a killed worker held are delivered again."""


def read_config(kind: type[Found], environment: Mapping[str, str]) -> Found:
    """Return the config that the variables make; raise `InvalidSettings` with every fault and no value.

    `AWS_REGION`, `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_EVENTBRIDGE` are taken where no variable of ours says
    otherwise.
    """
    given = {
        "region": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        "endpoint_url": environment.get("AWS_ENDPOINT_URL"),
        "events_endpoint_url": environment.get("AWS_ENDPOINT_URL_EVENTBRIDGE"),
    }
    given |= {name: environment.get(PREFIX + name.upper()) or given.get(name) for name in kind.model_fields}
    try:
        return kind.model_validate({name: value for name, value in given.items() if value})
    except ValidationError as error:
        # never the input: one of them is a key
        faults = [
            f"{PREFIX}{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}"
            for one in error.errors(include_input=False, include_context=False)
        ]
        raise InvalidSettings(f"The participation service cannot start: {'; '.join(faults)}") from None
