"""The participation service's messages (seed 003 §5); field names and spelling are fixed by the seed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from include.core.contracts.base import WireModel

EVENT_SOURCE = "kr.ac.dongduk.worker"
PROCESSED = "ParticipationProcessed"
OPTIONAL_SOURCE = "kr.ac.dongduk.participation"
"""Of optional events: the rule of the analysis takes `EVENT_SOURCE` alone, so they are never counted there."""
REQUESTED, FAILED = "ParticipationRequested", "RequestFailed"
OptionalEvent = Literal["ParticipationRequested", "RequestFailed"]
FinalStatus = Literal["SUCCEEDED", "REJECTED", "FAILED_FINAL"]


class Timestamps(WireModel):
    """Milliseconds since 1970, UTC."""

    queuedAt: int = Field(gt=0)  # noqa: N815
    """When ingest had queued the request (RECEIVED → QUEUED): inherited, never the worker's own."""
    startedAt: int = Field(gt=0)  # noqa: N815
    finishedAt: int = Field(gt=0)  # noqa: N815


class Delivery(WireModel):
    """How the request's message came to the worker."""

    attempt: int = Field(ge=1)
    """Which delivery of the message this was."""
    isDlq: bool  # noqa: N815
    """True for a message consumed from the dead-letter queue or redriven from it, false for all others."""


class Failure(WireModel):
    """Why a request was not successful; all null where it was."""

    failureClass: str | None  # noqa: N815
    errorCode: str | None  # noqa: N815
    errorMessage: str | None  # noqa: N815


class Meta(WireModel):
    """Who processed the request."""

    workerId: str  # noqa: N815


class ParticipationProcessed(WireModel):
    """The one analysable event of a processed request: the detail of an EventBridge event. No field may lack."""

    schemaVersion: Literal[1]  # noqa: N815
    env: str
    eventId: str  # noqa: N815
    requestId: str  # noqa: N815
    eventType: str  # noqa: N815
    finalStatus: FinalStatus  # noqa: N815
    """The request's final state in the table."""
    resultCode: str  # noqa: N815
    timestamps: Timestamps
    delivery: Delivery
    failure: Failure
    meta: Meta


class ParticipationRequested(WireModel):
    """Optional (seed 003 §7.3): ingest has queued a request."""

    schemaVersion: Literal[1]  # noqa: N815
    env: str
    eventId: str  # noqa: N815
    requestId: str  # noqa: N815
    userId: str  # noqa: N815
    queuedAt: int = Field(gt=0)  # noqa: N815
    """Milliseconds since 1970, UTC; the one of `ParticipationProcessed`."""


class RequestFailed(WireModel):
    """Optional (seed 003 §4.2): a request is FAILED_FINAL, and why."""

    schemaVersion: Literal[1]  # noqa: N815
    env: str
    eventId: str  # noqa: N815
    requestId: str  # noqa: N815
    failedAt: int = Field(gt=0)  # noqa: N815
    """Milliseconds since 1970, UTC; `finishedAt` of `ParticipationProcessed`."""
    delivery: Delivery
    failure: Failure
    meta: Meta
