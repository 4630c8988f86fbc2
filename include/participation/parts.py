"""Puts the service's parts together from a config."""

from __future__ import annotations

from typing import Any

from include.clients.aws import Aws
from include.clients.metrics import Metrics
from include.clients.queues import Queue
from include.core.clock import utc_now
from include.participation.capacity import Capacity
from include.participation.config import ServiceConfig, WorkerConfig
from include.participation.events import NAMESPACE, Events
from include.participation.ingest.service import Ingest
from include.participation.requests import Requests
from include.participation.table import Table
from include.participation.worker.consumer import Consumer
from include.participation.worker.process import Processor


def now_ms() -> int:
    """Return the present instant in milliseconds since 1970, UTC."""
    return int(utc_now().timestamp() * 1000)


def make_ingest(config: ServiceConfig) -> Ingest:
    """Return what takes requests."""
    table = Table(config.aws, config.requests_table)
    queue = Queue(config.aws.client("sqs"), str(config.queues.queue))
    return Ingest(Requests(table), Capacity(table), queue, clock=now_ms)


def make_consumer(config: WorkerConfig, *, from_dlq: bool) -> Consumer:
    """Return a worker on the queue, or on the dead-letter queue."""
    aws = config.aws
    table = Table(aws, config.requests_table)
    cloudwatch = _impatient(aws, "cloudwatch")
    name = config.queues.dlq if from_dlq else str(config.queues.queue)
    return Consumer(
        queue=Queue(aws.client("sqs"), name),
        processor=Processor(
            Requests(table), Capacity(table), config.worker_id, from_dlq=from_dlq, clock=now_ms
        ),
        events=Events(
            _impatient(aws, "events"), cloudwatch, environment=config.environment, bus=config.event_bus
        ),
        metrics=Metrics(cloudwatch, NAMESPACE),
        environment=config.environment,
        parallelism=config.parallelism,
        wait_seconds=config.wait_seconds,
        visibility_seconds=config.visibility_seconds,
    )


def _impatient(aws: Aws, service: str) -> Any:
    """Return a client that gives up after seconds: publishing may not hold up what is being processed."""
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "max_attempts": 2}, connect_timeout=1, read_timeout=2)
    return aws.session.client(service, endpoint_url=aws.endpoint_url, config=config)
