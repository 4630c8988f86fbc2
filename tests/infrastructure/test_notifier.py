"""The DAG processor's role allows what a message needs, and nothing else."""

from __future__ import annotations

import json
import uuid

import pytest

from devstack.services import http_url
from devstack.stack import ENVIRONMENT, Stack
from include.orchestration import connections
from include.orchestration.notifications.problems import Problems
from tests.infrastructure.calls import calls_of
from tests.infrastructure.policies import statements_of
from tests.infrastructure.recorder import recording
from tests.market import applied

pytestmark = pytest.mark.integration


def test_the_notifiers_role_allows_what_it_does_and_nothing_else(stack: Stack) -> None:
    environment = stack.environment()
    connection = json.loads(environment["AIRFLOW_CONN_AWS_DEFAULT"])
    with recording(http_url(stack.supervisor.port("aws"))) as recorder:
        connection["extra"]["endpoint_url"] = recorder.url
        with (
            applied(environment | {"AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection)}),
            recorder.working("notifier"),
        ):
            table = connections.aws().table(connections.settings().idempotency_table)
            problems = Problems(table, uuid.uuid4().hex)
            assert problems.begin("a")
            assert not problems.begin("a")
            problems.forget("a")
            assert problems.begin("a")
            problems.told("a")
            trouble = problems.end()
    assert trouble
    assert trouble.failed_runs == 3
    calls = {call for request in recorder.requests for call in calls_of(request)}
    allowed = statements_of(stack.aws(), f"tapeline-{ENVIRONMENT}-notifier")
    assert [call for call in calls if not any(one.allows(call) for one in allowed)] == []
    assert {action for one in allowed for action in one.actions} == {call.action for call in calls}
