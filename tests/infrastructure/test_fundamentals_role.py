"""The role of the fundamentals' tasks allows what their client asks of AWS, and nothing else."""

from __future__ import annotations

import json

import pytest

from devstack.services import http_url
from devstack.stack import ENVIRONMENT, Stack
from include.orchestration import connections
from tests.infrastructure.calls import calls_of
from tests.infrastructure.policies import statements_of
from tests.infrastructure.recorder import recording
from tests.market import applied

pytestmark = pytest.mark.integration
LIST_BUCKET = "s3:ListBucket"
"""Never called: with it S3 answers 404, not 403, for an answer that is not kept yet."""


def test_the_fundamentals_role_allows_what_the_client_does_and_nothing_else(stack: Stack) -> None:
    environment = stack.environment()
    connection = json.loads(environment["AIRFLOW_CONN_AWS_DEFAULT"])
    with recording(http_url(stack.supervisor.port("aws"))) as recorder:
        connection["extra"]["endpoint_url"] = recorder.url
        with (
            applied(environment | {"AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection)}),
            recorder.working("fundamentals"),
        ):
            for _ in range(2):  # the second time from the cache
                assert connections.fmp().fetch_ratios("IBM").symbol == "IBM"
            limit = connections.fmp()._limit
            assert limit
            limit.slow_down()  # as after an answer 429
    calls = {call for request in recorder.requests for call in calls_of(request)}
    allowed = statements_of(stack.aws(), f"tapeline-{ENVIRONMENT}-fundamentals")
    assert [call for call in calls if not any(one.allows(call) for one in allowed)] == []
    assert {action for one in allowed for action in one.actions} - {LIST_BUCKET} == {
        call.action for call in calls
    } - {LIST_BUCKET}
