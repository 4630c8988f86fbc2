"""A participation service of the test's own: table, queue, dead letters and event bus on the local AWS."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack.templates import TEMPLATES, read_template
from include.clients.aws import Aws
from include.clients.queues import Message, Queue
from include.participation.capacity import Capacity
from include.participation.config import WorkerConfig
from include.participation.models import Request
from include.participation.parts import make_consumer, make_ingest
from include.participation.requests import Requests
from include.participation.table import Table
from include.participation.worker.consumer import Consumer

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class Service:
    """One service; its worker and its ingest are made by the code that production starts."""

    def __init__(self, aws: Aws) -> None:
        assert aws.endpoint_url
        self.aws = aws
        self.environment = f"t{uuid.uuid4().hex[:10]}"
        self.variables = CREDENTIALS | {
            "PARTICIPATION_ENVIRONMENT": self.environment,
            "PARTICIPATION_REQUESTS_TABLE": f"tapeline-{self.environment}-participation-requests",
            "PARTICIPATION_EVENT_BUS": f"bus-{self.environment}",
            "PARTICIPATION_VISIBILITY_SECONDS": "3",
            "PARTICIPATION_WAIT_SECONDS": "1",
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_REGION": aws.region,
        }
        self.config = WorkerConfig(
            environment=self.environment,
            requests_table=self.variables["PARTICIPATION_REQUESTS_TABLE"],
            event_bus=self.variables["PARTICIPATION_EVENT_BUS"],
            endpoint_url=aws.endpoint_url,
            worker_id="local-1",
            wait_seconds=0,
            visibility_seconds=60,
        )
        self._make_table()
        self._make_queues()
        self._make_bus()
        self.table = Table(aws, self.config.requests_table)
        self.requests, self.capacity = Requests(self.table), Capacity(self.table)
        self.queue = Queue(aws.client("sqs"), str(self.config.queues.queue))
        self.dlq = Queue(aws.client("sqs"), self.config.queues.dlq)
        self.ingest = make_ingest(self.config)

    def _make_table(self) -> None:
        """Make the table of the template, which the local CloudFormation would take longer for."""
        properties = dict(resources()["RequestsTable"]["Properties"])
        keep = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        self.aws.client("dynamodb").create_table(
            TableName=self.config.requests_table, **{name: properties[name] for name in keep}
        )

    def _make_queues(self) -> None:
        client, names = self.aws.client("sqs"), self.config.queues
        url = client.create_queue(QueueName=names.dlq)["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        client.create_queue(QueueName=names.queue, Attributes={"RedrivePolicy": redrive})

    def _make_bus(self) -> None:
        """Make a bus of this service's own whose events all end in a queue."""
        events, bus = self.aws.client("events"), self.config.event_bus
        url = self.aws.client("sqs").create_queue(QueueName=f"events-{self.environment}")["QueueUrl"]
        attributes = self.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        events.create_event_bus(Name=bus)
        pattern = json.dumps({"source": ["kr.ac.dongduk.worker"]})
        events.put_rule(Name="all", EventBusName=bus, EventPattern=pattern)
        target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
        events.put_targets(Rule="all", EventBusName=bus, Targets=[target])
        self.published = Queue(self.aws.client("sqs"), f"events-{self.environment}")

    def worker(self, *, from_dlq: bool = False) -> Consumer:
        """Return a worker that nobody has started."""
        return make_consumer(self.config, from_dlq=from_dlq)

    def received(self, queue: Queue | None = None, *, seconds: int = 60) -> list[Message]:
        """Receive what the queue has."""
        found: list[Message] = []
        while some := (queue or self.queue).receive(10, visibility_seconds=seconds):
            found += some
        return found

    def work(self) -> None:
        """Let a worker handle what the queue has now."""
        self.worker().handle(self.received())

    def asked(self, user: str = "u1", event: str = "e1") -> Request:
        """Return a request that ingest took."""
        request = self.ingest.participate(user, event)
        assert request
        return request

    def now(self, request: Request) -> Request:
        """Return the request as it is now."""
        found = self.requests.get(request.request_id)
        assert found
        return found

    def events(self) -> list[dict[str, Any]]:
        """Return, and forget, the details of the events published so far."""
        messages = self.received(self.published)
        self.published.delete(messages)
        return [json.loads(message.body)["detail"] for message in messages]


def resources() -> dict[str, Any]:
    """Return the template's resources."""
    found: dict[str, Any] = read_template(Path(TEMPLATES / "participation.yaml").read_text())["Resources"]
    return found


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def service(aws: Aws) -> Service:
    """An empty service with one event of three places."""
    service = Service(aws)
    service.capacity.open("e1", 3)
    return service


@pytest.fixture
def count_calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """Return a function that gives the names of all AWS calls made so far."""
    from botocore.client import BaseClient

    made: list[str] = []
    before = BaseClient._make_api_call

    def record(self: Any, name: str, arguments: Any) -> Any:
        made.append(name)
        return before(self, name, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", record)
    yield lambda: list(made)
    made.clear()
