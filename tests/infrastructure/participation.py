"""Ingest, workers and the analysis at their work on the local default, with every call to AWS recorded."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import pytest

from devstack.dagrun import run_dag
from devstack.stack import ENVIRONMENT, Stack
from include.clients.aws import Aws
from include.clients.queues import Queue
from include.core.settings import Settings
from include.participation.capacity import Capacity
from include.participation.config import WorkerConfig
from include.participation.models import Request
from include.participation.parts import make_consumer, make_ingest
from include.participation.table import Table
from tests.infrastructure.recorder import Recorder
from tests.market import applied, finished

DAY = date(2026, 1, 4)
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass(frozen=True)
class Deployment:
    """One service: who opens its events, and what its parts are told."""

    owner: Aws
    ingest: WorkerConfig
    worker: WorkerConfig

    def open(self, places: int) -> str:
        """Open an event, as somebody who may; return its id."""
        event = f"e-{uuid.uuid4().hex[:12]}"
        assert Capacity(Table(self.owner, self.ingest.requests_table)).open(event, places)
        return event

    def take(self, users: int, event: str) -> list[Request]:
        """Let ingest take requests, and show them to their users."""
        ingest = make_ingest(self.ingest)
        taken = [ingest.participate(f"user-{user}", event) for user in range(users)]
        assert [one.status for one in taken if one] == ["QUEUED"] * users
        assert ingest.requests.newest("user-0", limit=20)[0]
        assert ingest.requests.get(taken[0].request_id if taken[0] else "")
        return [one for one in taken if one]

    def work(self, *, from_dlq: bool) -> None:
        """Let a worker handle what its queue has; what it receives after it was told to stop it gives back."""
        name = self.worker.queues.dlq if from_dlq else str(self.worker.queues.queue)
        queue, consumer = Queue(self.owner.client("sqs"), name), make_consumer(self.worker, from_dlq=from_dlq)
        while queue.depth().visible:
            consumer._turn(0.0)
        consumer._turn(1.0)  # after a failure it looks whether the table answers
        queue.send("a message that is given back")
        consumer.stop.set()
        consumer._turn(0.0)
        (left,) = queue.receive(1, visibility_seconds=60)
        queue.delete([left])


def run_service(stack: Stack, recorder: Recorder) -> None:
    """Take three requests for one place; process them, one as a dead letter; drop a letter that nobody can read."""
    settings = Settings.model_validate_json(stack.environment()["AIRFLOW_VAR_TAPELINE_SETTINGS"])
    assert settings.participation
    config = WorkerConfig(
        environment=ENVIRONMENT, requests_table=settings.participation.requests_table, endpoint_url=recorder.url,
        worker_id="watched", wait_seconds=0,
    )  # fmt: skip
    deployment = Deployment(stack.aws(), config, config)
    with applied(CREDENTIALS):
        play(deployment, recorder)


def play(deployment: Deployment, recorder: Recorder | None = None) -> None:
    """Let every part do what it does, under its name where a recorder is given."""

    @contextmanager
    def working(component: str) -> Iterator[None]:
        if recorder is None:
            yield
        else:
            with recorder.working(component):
                yield

    sqs, queues = deployment.owner.client("sqs"), deployment.worker.queues
    event = deployment.open(1)
    with working("ingest"):
        taken = deployment.take(3, event)
    main, letters = Queue(sqs, str(queues.queue)), Queue(sqs, queues.dlq)
    (moved,) = main.receive(1, visibility_seconds=60)
    main.delete([moved])
    letters.send(moved.body)
    letters.send("a letter that names no request")
    with working("worker"):
        deployment.work(from_dlq=False)
        deployment.work(from_dlq=True)
    ended = [Table(deployment.owner, deployment.ingest.requests_table).get(
        {"PK": f"REQUEST#{one.request_id}", "SK": "REQUEST"}) for one in taken]  # fmt: skip
    assert sorted(one["status"] for one in ended if one) == ["REJECTED", "REJECTED", "SUCCEEDED"]


def run_analytics(recorder: Recorder) -> None:
    """Measure a day of which no event can arrive meanwhile."""
    from include.analytics import tasks

    with pytest.MonkeyPatch.context() as patch, recorder.working("analytics"):
        patch.setattr(tasks, "POLL_SECONDS", 0.05)
        run = finished(run_dag("g1_metrics", DAY, {"late_days": 0, "repair": True}))
    assert run.tasks["write_evidence"] == ["success"], run.tasks
