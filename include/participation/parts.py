"""Puts the service's parts together from a config."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from include.clients.aws import Aws
from include.clients.metrics import Metrics
from include.clients.queues import Queue
from include.core.clock import utc_now
from include.core.contracts.participation import REQUESTED
from include.participation.capacity import Capacity
from include.participation.config import ServiceConfig, WorkerConfig
from include.participation.events import NAMESPACE, Events
from include.participation.ingest.service import Ingest
from include.participation.requests import Requests
from include.participation.table import Table
from include.participation.worker.consumer import Consumer
from include.participation.worker.process import Processor

PUBLISH_ATTEMPTS = 3
"""Calls after which events or metrics are given up."""


def now_ms() -> int:
    """Return the present instant in milliseconds since 1970, UTC."""
    return int(utc_now().timestamp() * 1000)


def make_ingest(config: ServiceConfig) -> Ingest:
    """Return what takes requests."""
    table = Table(config.aws, config.requests_table)
    queue = Queue(config.aws.client("sqs"), str(config.queues.queue))
    announce = _events(config).announce if REQUESTED in config.optional_events else None
    return Ingest(Requests(table), Capacity(table), queue, clock=now_ms, announce=announce)


def make_consumer(config: WorkerConfig, *, from_dlq: bool) -> Consumer:
    """Return a worker on the queue, or on the dead-letter queue."""
    aws = config.aws
    table = Table(aws, config.requests_table)
    name = config.queues.dlq if from_dlq else str(config.queues.queue)
    return Consumer(
        queue=Queue(aws.client("sqs"), name),
        processor=Processor(
            Requests(table), Capacity(table), config.worker_id, from_dlq=from_dlq, clock=now_ms
        ),
        events=_events(config),
        metrics=Metrics(_impatient(aws, "cloudwatch"), NAMESPACE),
        environment=config.environment,
        parallelism=config.parallelism,
        wait_seconds=config.wait_seconds,
        visibility_seconds=config.visibility_seconds,
    )


def _events(config: ServiceConfig) -> Events:
    """Return what publishes; AWS is asked for nothing yet."""
    aws = config.aws
    endpoint = config.events_endpoint_url or aws.endpoint_url
    return Events(
        _impatient(replace(aws, endpoint_url=endpoint), "events", config.publish_seconds),
        _impatient(aws, "cloudwatch"),
        environment=config.environment,
        bus=config.event_bus,
        optional=config.optional_events,
    )


def _impatient(aws: Aws, service: str, seconds: int = 2) -> Any:
    """Return a client that gives up after seconds: publishing may not hold up what is being processed."""
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": PUBLISH_ATTEMPTS},
        connect_timeout=1,
        read_timeout=seconds,
    )
    return aws.session.client(service, endpoint_url=aws.endpoint_url, config=config)
