"""Each component's role allows the calls it really makes, and nothing else."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator

import pytest

from devstack.services import http_url
from devstack.stack import ENVIRONMENT, Stack
from include.core.queues import queue_pairs
from tests.conftest import RETRY_AT_ONCE
from tests.infrastructure import components, participation
from tests.infrastructure.calls import ACCOUNT, REGION, Call, calls_of
from tests.infrastructure.policies import Statement, statements_of
from tests.infrastructure.recorder import WAREHOUSE, Recorder, recording
from tests.market import Market, applied

pytestmark = pytest.mark.integration
ROLES = {
    "prices": "prices",
    "loader": f"load-{components.DOMAIN}",
    "redrive": "redrive",
    "watcher": "watcher",
    WAREHOUSE: "warehouse",
    "ingest": "participation-ingest",
    "worker": "participation-worker",
    "analytics": "analytics",
}
NAMED = r"arn:aws:(s3:::[\w-]+(/[a-z_-]+(/[a-z]+)?/\*)?|[a-z]+:[\w-]+:\d+:[\w:/-]+[\w]|glue:[\w-]+:\d+:table/\w+/\*)"
"""A whole name; of objects a folder of a bucket, of catalog tables a database: their names are made at run time."""
EXCEPTIONS = {
    ("prices", "sqs:ChangeMessageVisibility"): "a request is given back where its letter cannot be written",
    ("analytics", "athena:StopQueryExecution"): "a task that is killed stops its query",
}
"""Actions that are allowed though no component is seen at them here, each with its reason."""


@pytest.fixture(scope="module")
def recorder(stack: Stack) -> Iterator[Recorder]:
    """What was asked of AWS while every component did its work."""
    environment = stack.environment()
    with recording(http_url(stack.supervisor.port("aws"))) as recorder:
        connection = json.loads(environment["AIRFLOW_CONN_AWS_DEFAULT"])
        connection["extra"]["endpoint_url"] = recorder.url
        changed = {"AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection), "AWS_ENDPOINT_URL": recorder.url}
        with applied(environment | RETRY_AT_ONCE | changed):
            participation.run_service(stack, recorder)
            participation.run_analytics(recorder)
            market = Market(stack, table_name=f"prices_{uuid.uuid4().int % 10**12}m")
            with applied({"AIRFLOW_VAR_TAPELINE_SETTINGS": components.settings(market)}):
                components.run_prices(market, recorder)
            components.run_warehouse(market, recorder)
            components.run_loader(stack, recorder)
            components.run_redrive(stack, recorder)
            components.run_watcher(market, recorder)
            yield recorder


@pytest.fixture(scope="module")
def calls(recorder: Recorder) -> dict[str, set[Call]]:
    """What each component did."""
    found: dict[str, set[Call]] = {}
    for request in recorder.requests:
        found.setdefault(request.component, set()).update(calls_of(request))
    return found


@pytest.fixture(scope="module")
def statements(stack: Stack) -> dict[str, list[Statement]]:
    """What each component's role allows."""
    return {
        component: statements_of(stack.aws(), f"tapeline-{ENVIRONMENT}-{role}")
        for component, role in ROLES.items()
    }


def test_each_role_allows_what_its_component_does_and_nothing_else(
    calls: dict[str, set[Call]], statements: dict[str, list[Statement]]
) -> None:
    """One test, so that the components work once, whichever worker of the test run it is."""
    assert calls.keys() == ROLES.keys()
    refused = {
        f"{component} may not {call.action} {call.resource}"
        for component in ROLES
        for call in calls[component]
        if not any(one.allows(call) for one in statements[component])
    }
    idle = {
        f"{component} never does {action} {resource} ({one.sid})"
        for component in ROLES
        for one in statements[component]
        for action in one.actions
        for resource in one.resources
        if not any(one.narrowed(action, resource).allows(call) for call in calls[component])
        and (component, action) not in EXCEPTIONS
        and not one.is_anothers
    }
    assert not refused | idle, "\n".join(sorted(refused | idle))


@pytest.mark.parametrize("component", ROLES)
def test_a_role_names_its_resources(statements: dict[str, list[Statement]], component: str) -> None:
    """The single wildcard is that of PutMetricData, which knows no resource: its namespace is named instead."""
    for one in statements[component]:
        for resource in one.resources:
            if one.actions == ("cloudwatch:PutMetricData",):
                assert (resource, [key for key, _ in one.context]) == ("*", ["cloudwatch:namespace"])
            else:
                assert re.fullmatch(NAMED, resource), f"{one.sid}: {resource}"
        assert not any("*" in action for action in one.actions)


def test_the_analysis_reads_events_and_the_catalog_by_athena_alone(
    statements: dict[str, list[Statement]],
) -> None:
    """What is allowed to Athena in its name is under that condition, and of nobody else's role."""
    for component, found in statements.items():
        by_athena = {one.sid for one in found if one.is_anothers}
        assert by_athena == {one.sid for one in found if one.sid.startswith("Athena")}
        assert bool(by_athena) == (component == "analytics")
    assert all(
        dict(one.context)["aws:CalledVia"] == "athena.amazonaws.com"
        for one in statements["analytics"]
        if one.is_anothers
    )


def test_a_loader_is_refused_what_is_another_domains(stack: Stack) -> None:
    role = statements_of(stack.aws(), f"tapeline-{ENVIRONMENT}-load-customer")
    bucket = Market(stack).settings.curated_bucket

    def allowed(action: str, resource: str) -> bool:
        return any(one.allows(Call(action, resource)) for one in role)

    assert allowed("s3:GetObject", f"arn:aws:s3:::{bucket}/customer/a/ds=2026-11-20/b.parquet")
    assert not allowed("s3:GetObject", f"arn:aws:s3:::{bucket}/market/a/ds=2026-11-20/b.parquet")
    for pair in queue_pairs(ENVIRONMENT):
        ours = pair.title == "load_customer"
        assert allowed("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{pair.dlq}") is ours
        if pair.queue:
            assert allowed("sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{pair.queue}") is ours
