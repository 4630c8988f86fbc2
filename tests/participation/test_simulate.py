"""A simulated contest with every fault at once, held against table, queues and events that are read here."""

from __future__ import annotations

from collections import Counter

import pytest

from devstack.participation import simulate
from devstack.participation_faults import Faults
from include.participation.models import request_id_of
from tests.participation.conftest import Service

pytestmark = pytest.mark.integration
USERS, EVENTS, PLACES, LETTERS, LOST_PERCENT = 90, 2, 30, 5, 10


def states_of(service: Service) -> dict[str, dict[str, str]]:
    """Return event and state of every request in the table."""
    pages = service.aws.client("dynamodb").get_paginator("scan").paginate(TableName=service.table.name)
    items = [item for page in pages for item in page["Items"] if "requestId" in item]
    return {
        item["requestId"]["S"]: {name: item[name]["S"] for name in ("eventId", "status")} for item in items
    }


def test_a_contest_with_every_fault_gives_every_place_once_and_names_each_lost_event(
    service: Service,
) -> None:
    told: list[str] = []
    contest = simulate(
        service.aws, environment=service.environment, requests_table=service.config.requests_table,
        users=USERS, events=EVENTS, capacity=PLACES, event_bus=service.config.event_bus,
        faults=Faults(worker_crashes=1, duplicates=10, events_broken=LOST_PERCENT, redrive=LETTERS),
        tell=told.append,
    )  # fmt: skip
    total = USERS * EVENTS
    assert (contest.requests, contest.duplicates, contest.crashes) == (total, total // 10, 1)

    table = states_of(service)
    assert contest.final == {name: found["status"] for name, found in table.items()}
    by_event = Counter((found["eventId"], found["status"]) for found in table.values())
    assert sorted(by_event.values()) == [PLACES] * EVENTS + [USERS - PLACES] * EVENTS
    assert set(contest.remaining.values()) == {0}
    assert service.queue.depth().total == service.dlq.depth().total == contest.unacknowledged == 0

    events = service.events()
    published = {event["requestId"] for event in events}
    # where a machine is so slow that a message is delivered again, its event comes after its warning
    assert table.keys() - published == contest.unpublished - published
    assert len(contest.unpublished) >= total * LOST_PERCENT // 100
    assert all(event["finalStatus"] == table[event["requestId"]]["status"] for event in events)
    names = list(contest.states)
    first = [(f"user-{number // EVENTS}", names[number % EVENTS]) for number in range(LETTERS)]
    assert contest.redriven == LETTERS
    assert {event["requestId"] for event in events if event["delivery"]["isDlq"]} == {
        request_id_of(user, event) for user, event in first
    }
    assert told.index("EventBridge is broken") < told.index("EventBridge is well again")
    assert f"{contest.warnings} warnings of workers" in contest.lines()[2]
