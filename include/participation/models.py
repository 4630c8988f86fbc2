"""A request for a place, its states, and the message that takes it to a worker."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from include.core.contracts.base import WireModel
from include.core.contracts.participation import Failure, FinalStatus
from include.core.errors import InvalidMessage
from include.core.faults import fault_text

RECEIVED, QUEUED, PROCESSING = "RECEIVED", "QUEUED", "PROCESSING"
SUCCEEDED, REJECTED, FAILED_FINAL = "SUCCEEDED", "REJECTED", "FAILED_FINAL"
FINAL = frozenset(get_args(FinalStatus))
FIRST_COME = "FIRST_COME"
EVENT_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
REQUEST_ID = r"^req-[0-9a-f]{32}$"
_NAMESPACE = uuid.UUID("6f2b1c9e-0b52-5d0c-9a55-6a3b1f0f7d21")


class ParticipationMessage(WireModel):
    """What ingest sends to a worker. When it was queued is in the request's item: it is known only after."""

    requestId: str = Field(pattern=REQUEST_ID)  # noqa: N815
    userId: str = Field(min_length=1, max_length=256)  # noqa: N815
    eventId: str = Field(pattern=EVENT_ID)  # noqa: N815


@dataclass(frozen=True)
class Outcome:
    """How a request ended."""

    status: FinalStatus
    result_code: str
    failure: Failure


SUCCESS = Outcome("SUCCEEDED", "SUCCESS", Failure(failureClass=None, errorCode=None, errorMessage=None))


@dataclass(frozen=True)
class Delivery:
    """How a request's message came, and to whom."""

    attempt: int
    is_dlq: bool
    worker_id: str


@dataclass(frozen=True)
class Request:
    """A request as its item says. Instants are milliseconds since 1970, UTC."""

    request_id: str
    user_id: str
    event_id: str
    event_type: str
    status: str
    received_at: int
    queued_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    outcome: Outcome | None = None
    delivery: Delivery | None = None
    """Of the message that it ended by."""

    @property
    def final(self) -> bool:
        """Whether nothing can change it any more."""
        return self.status in FINAL


Status = Literal["RECEIVED", "QUEUED", "PROCESSING", "SUCCEEDED", "REJECTED", "FAILED_FINAL"]


def request_id_of(user_id: str, event_id: str) -> str:
    """Return the id of the one request that a user can have for an event."""
    return f"req-{uuid.uuid5(_NAMESPACE, json.dumps([user_id, event_id])).hex}"


def read_message(body: str) -> ParticipationMessage:
    """Return the message; raise `InvalidMessage` with every fault."""
    try:
        asked = ParticipationMessage.model_validate_json(body)
    except ValidationError as error:
        faults = [fault_text(fault, ParticipationMessage) for fault in error.errors()]
        raise InvalidMessage(faults) from error
    if asked.requestId != request_id_of(asked.userId, asked.eventId):
        raise InvalidMessage([f"requestId: {asked.requestId} is not the request of this user and event"])
    return asked


def named_request(body: str) -> str | None:
    """Return the id of the request that any body names, or None where it names none."""
    try:
        said: Any = json.loads(body)
    except ValueError:
        return None
    named = said.get("requestId") if isinstance(said, dict) else None
    return named if isinstance(named, str) and named else None
