"""Optional events are published where they are asked for, and never taken by the rule of the analysis."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from include.clients.queues import Queue
from include.core.contracts import ParticipationRequested, RequestFailed
from include.core.contracts.participation import EVENT_SOURCE, FAILED, OPTIONAL_SOURCE, REQUESTED
from include.core.errors import InvalidSettings
from include.participation.config import IngestConfig, WorkerConfig, read_config
from include.participation.parts import make_consumer, make_ingest
from tests.participation.api import AUDIENCE, ISSUER, KEY
from tests.participation.conftest import Service, resources

pytestmark = pytest.mark.integration
ALL = {"PARTICIPATION_OPTIONAL_EVENTS": f"{REQUESTED}, {FAILED}"}
INGEST = {
    "PARTICIPATION_JWT_KEY": KEY, "PARTICIPATION_JWT_ALGORITHM": "HS256", "PARTICIPATION_JWT_ISSUER": ISSUER,
    "PARTICIPATION_JWT_AUDIENCE": AUDIENCE,
}  # fmt: skip


@pytest.fixture
def optional(service: Service) -> Queue:
    """The queue of a rule that takes optional events of the service's bus."""
    name = f"optional-{service.environment}"
    sqs, events, bus = service.aws.client("sqs"), service.aws.client("events"), service.config.event_bus
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": [OPTIONAL_SOURCE]}))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return Queue(sqs, name)


def taken(service: Service, queue: Queue) -> list[tuple[str, dict[str, Any]]]:
    """Return type and detail of the events that came."""
    bodies = [json.loads(message.body) for message in service.received(queue)]
    return [(body["detail-type"], body["detail"]) for body in bodies]


def fail_one(service: Service, told: dict[str, str]) -> str:
    """Ask by an ingest and fail by a worker of the dead letters that were told so; return the request's id."""
    request = make_ingest(read_config(IngestConfig, service.variables | INGEST | told)).participate(
        "u1", "e1"
    )
    assert request
    service.queue.delete(service.received())
    service.dlq.send({"requestId": request.request_id})
    config = read_config(WorkerConfig, service.variables | told)
    make_consumer(config, from_dlq=True).handle(service.received(service.dlq))
    return request.request_id


def test_each_says_what_the_request_says_and_the_analysis_gets_its_one_event(
    service: Service, optional: Queue
) -> None:
    name = fail_one(service, ALL)
    (processed,) = service.events()
    found = dict(taken(service, optional))
    requested = ParticipationRequested.model_validate(found[REQUESTED])
    failed = RequestFailed.model_validate(found[FAILED])
    assert processed["requestId"] == requested.requestId == failed.requestId == name
    assert processed["timestamps"]["queuedAt"] == requested.queuedAt
    assert processed["timestamps"]["finishedAt"] == failed.failedAt
    assert (requested.userId, failed.failure.errorCode) == ("u1", "InvalidMessage")


def test_without_being_asked_for_there_are_none(service: Service, optional: Queue) -> None:
    fail_one(service, {})
    assert len(service.events()) == 1
    assert taken(service, optional) == []


def test_a_request_that_ends_well_has_no_failure(service: Service, optional: Queue) -> None:
    service.asked()
    make_consumer(read_config(WorkerConfig, service.variables | ALL), from_dlq=False).handle(
        service.received()
    )
    assert taken(service, optional) == []
    assert len(service.events()) == 1


def test_asked_again_it_is_announced_once(service: Service, optional: Queue) -> None:
    ingest = make_ingest(read_config(IngestConfig, service.variables | INGEST | ALL))
    for _ in range(3):
        ingest.participate("u1", "e1")
    assert [kind for kind, _ in taken(service, optional)] == [REQUESTED]


def test_an_eventbridge_that_is_away_changes_no_answer_and_no_state(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    away = {"AWS_ENDPOINT_URL_EVENTBRIDGE": "http://127.0.0.1:9"}
    with caplog.at_level(logging.WARNING):
        name = fail_one(service, ALL | away)
    found = service.requests.get(name)
    assert found is not None
    assert found.status == "FAILED_FINAL"
    assert service.dlq.depth().total == 0
    warned = [record.getMessage() for record in caplog.records if "was not published" in record.getMessage()]
    assert [name in warning for warning in warned] == [True] * 3


def test_an_event_that_does_not_exist_is_refused_at_the_start(service: Service) -> None:
    with pytest.raises(InvalidSettings, match="PARTICIPATION_OPTIONAL_EVENTS"):
        read_config(WorkerConfig, service.variables | {"PARTICIPATION_OPTIONAL_EVENTS": "Everything"})


def test_the_template_takes_them_by_a_rule_of_their_own_where_they_are_enabled() -> None:
    found = resources()
    optional = {name: one for name, one in found.items() if one.get("Condition") == "WithOptionalEvents"}
    (rule,) = (one["Properties"] for one in optional.values() if one["Type"] == "AWS::Events::Rule")
    assert rule["EventPattern"] == {"source": [OPTIONAL_SOURCE], "detail-type": [REQUESTED, FAILED]}
    (statement,) = optional["OptionalEventsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"events:source": OPTIONAL_SOURCE}}
    assert OPTIONAL_SOURCE != EVENT_SOURCE
