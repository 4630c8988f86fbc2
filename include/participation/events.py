"""The event of a processed request. It never changes what became of the request (seed 003 §7.1)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.clients.metrics import Metrics
from include.core.contracts.participation import EVENT_SOURCE, PROCESSED, ParticipationProcessed
from include.participation.models import Request

log = logging.getLogger(__name__)
NAMESPACE = "Tapeline/Participation"
NOT_PUBLISHED = "EventsNotPublished"
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


class Events:
    """Publishes events of processed requests; safe to share between threads."""

    def __init__(self, client: Any, metrics_client: Any, *, environment: str, bus: str = "default") -> None:
        """`client`: EventBridge, told to give up soon; `metrics_client`: CloudWatch."""
        self._client = client
        self._metrics = metrics_client
        self._environment = environment
        self._bus = bus

    def publish(self, requests: Sequence[Request]) -> None:
        """Publish the event of each; one that cannot be published is one warning and one count, no error."""
        for first in range(0, len(requests), BATCH):
            batch = requests[first : first + BATCH]
            lost = self._put(batch)
            for request, reason in lost:
                log.warning(
                    "The event of %s (%s) was not published: %s. State and message are as they would be.",
                    request.request_id, request.status, reason,
                )  # fmt: skip
            self._count(len(lost))

    def _put(self, batch: Sequence[Request]) -> list[tuple[Request, str]]:
        """Return what was not published, and why."""
        try:
            entries = [self._entry(request) for request in batch]
            answers = self._client.put_events(Entries=entries)["Entries"]
        except (BotoCoreError, ClientError, ValueError, KeyError) as error:
            return [(request, str(error)) for request in batch]
        return [
            (request, f"{answer.get('ErrorCode')}: {answer.get('ErrorMessage')}")
            for request, answer in zip(batch, answers, strict=False)
            if not answer.get("EventId")
        ]

    def _entry(self, request: Request) -> dict[str, str]:
        return {
            "Source": EVENT_SOURCE,
            "DetailType": PROCESSED,
            "Detail": event_of(request, self._environment).model_dump_json(),
            "EventBusName": self._bus,
        }

    def _count(self, lost: int) -> None:
        if lost:
            metrics = Metrics(self._metrics, NAMESPACE)
            metrics.add(NOT_PUBLISHED, lost, Environment=self._environment)
            metrics.flush()
