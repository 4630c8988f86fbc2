"""Events of requests. Publishing one never changes what becomes of the request (seed 003 §7.1).

`ParticipationProcessed` is for the analysis; the others are published where they are asked for, from a source that
the analysis does not take.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.clients.metrics import Metrics
from include.core.contracts.base import WireModel
from include.core.contracts.participation import (
    EVENT_SOURCE,
    FAILED,
    OPTIONAL_SOURCE,
    PROCESSED,
    REQUESTED,
    OptionalEvent,
    ParticipationProcessed,
    ParticipationRequested,
    RequestFailed,
)
from include.participation.models import Request

log = logging.getLogger(__name__)
NAMESPACE = "Tapeline/Participation"
NOT_PUBLISHED = "EventsNotPublished"
OPTIONAL_NOT_PUBLISHED = "OptionalEventsNotPublished"
BATCH = 10
"""Events a call of PutEvents takes."""


def event_of(request: Request, environment: str) -> ParticipationProcessed:
    """Return the event of a request that is final: always the same, however often it is made."""
    if not (request.outcome and request.delivery):
        raise ValueError(f"{request.request_id} is {request.status}; only a final request has an event")
    return ParticipationProcessed.model_validate(
        {
            "schemaVersion": 1,
            "env": environment,
            "eventId": request.event_id,
            "requestId": request.request_id,
            "eventType": request.event_type,
            "finalStatus": request.outcome.status,
            "resultCode": request.outcome.result_code,
            "timestamps": {
                "queuedAt": request.queued_at,
                "startedAt": request.started_at,
                "finishedAt": request.finished_at,
            },
            "delivery": {"attempt": request.delivery.attempt, "isDlq": request.delivery.is_dlq},
            "failure": request.outcome.failure,
            "meta": {"workerId": request.delivery.worker_id},
        }
    )


def requested_of(request: Request, environment: str) -> ParticipationRequested:
    """Return the event of a request that ingest has queued."""
    return ParticipationRequested.model_validate(
        {
            "schemaVersion": 1,
            "env": environment,
            "eventId": request.event_id,
            "requestId": request.request_id,
            "userId": request.user_id,
            "queuedAt": request.queued_at,
        }
    )


def failed_of(request: Request, environment: str) -> RequestFailed:
    """Return the event of a request that is FAILED_FINAL."""
    said = event_of(request, environment)
    return RequestFailed(
        schemaVersion=1,
        env=said.env,
        eventId=said.eventId,
        requestId=said.requestId,
        failedAt=said.timestamps.finishedAt,
        delivery=said.delivery,
        failure=said.failure,
        meta=said.meta,
    )


@dataclass(frozen=True)
class Kind:
    """One type of event."""

    name: str
    source: str
    make: Callable[[Request, str], WireModel]
    metric: str
    """Counts those that were not published."""


PROCESSED_EVENT = Kind(PROCESSED, EVENT_SOURCE, event_of, NOT_PUBLISHED)
REQUESTED_EVENT = Kind(REQUESTED, OPTIONAL_SOURCE, requested_of, OPTIONAL_NOT_PUBLISHED)
FAILED_EVENT = Kind(FAILED, OPTIONAL_SOURCE, failed_of, OPTIONAL_NOT_PUBLISHED)


class Events:
    """Publishes events of requests; safe to share between threads."""

    def __init__(
        self,
        client: Any,
        metrics_client: Any,
        *,
        environment: str,
        bus: str = "default",
        optional: Collection[OptionalEvent] = (),
    ) -> None:
        """`client`: EventBridge, told to give up soon; `metrics_client`: CloudWatch; `optional`: what else is wanted."""
        self._client = client
        self._metrics = metrics_client
        self._environment = environment
        self._bus = bus
        self._optional = frozenset(optional)

    def publish(self, requests: Sequence[Request]) -> None:
        """Publish the event of each; one that cannot be published is one warning and one count, no error."""
        self._publish(requests, PROCESSED_EVENT)
        if FAILED in self._optional:
            self._publish([one for one in requests if one.status == "FAILED_FINAL"], FAILED_EVENT)

    def announce(self, request: Request) -> None:
        """Publish that a request was queued, where that is asked for; a failure is a warning and a count."""
        if REQUESTED in self._optional:
            self._publish([request], REQUESTED_EVENT)

    def _publish(self, requests: Sequence[Request], kind: Kind) -> None:
        for first in range(0, len(requests), BATCH):
            batch = requests[first : first + BATCH]
            lost = self._put(batch, kind)
            for request, reason in lost:
                log.warning(
                    "The event %s of %s (%s) was not published: %s. State and message are as they would be.",
                    kind.name, request.request_id, request.status, reason,
                )  # fmt: skip
            self._count(len(lost), kind.metric)

    def _put(self, batch: Sequence[Request], kind: Kind) -> list[tuple[Request, str]]:
        """Return what was not published, and why."""
        try:
            entries = [self._entry(request, kind) for request in batch]
            answers = self._client.put_events(Entries=entries)["Entries"]
        except (BotoCoreError, ClientError, ValueError, KeyError) as error:
            return [(request, str(error)) for request in batch]
        return [
            (request, f"{answer.get('ErrorCode')}: {answer.get('ErrorMessage')}")
            for request, answer in zip(batch, answers, strict=False)
            if not answer.get("EventId")
        ]

    def _entry(self, request: Request, kind: Kind) -> dict[str, str]:
        return {
            "Source": kind.source,
            "DetailType": kind.name,
            "Detail": kind.make(request, self._environment).model_dump_json(),
            "EventBusName": self._bus,
        }

    def _count(self, lost: int, metric: str) -> None:
        if lost:
            metrics = Metrics(self._metrics, NAMESPACE)
            metrics.add(metric, lost, Environment=self._environment)
            metrics.flush()
