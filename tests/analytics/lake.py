"""A lake of the test's own on the local default: bucket, Glue database, work group, and ways to ask Athena."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from devstack.dagrun import run_dag
from devstack.stack import Stack
from include.analytics.config import Day
from include.analytics.results import Results
from include.analytics.statements import (
    QUERIES,
    Query,
    bound_values,
    quoted,
    render_create,
    render_partitions,
)
from include.clients.athena import Result, fetch_result
from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from include.core.settings import ParticipationSettings, Settings
from tests.analytics.days import DAY, DT, Lines
from tests.conftest import RETRY_AT_ONCE
from tests.market import Run, applied, finished

SECONDS = 60


@dataclass(frozen=True)
class Lake:
    """What `settings.participation` names, empty at first."""

    aws: Aws
    names: ParticipationSettings
    settings: Settings

    @property
    def events(self) -> ObjectStore:
        return self.aws.object_store(self.names.events_bucket)

    @property
    def curated(self) -> ObjectStore:
        return self.aws.object_store(self.settings.curated_bucket)

    def put(self, lines: Lines) -> None:
        """Write the lines where Firehose would have."""
        self.events.write_many(lines.objects())

    def ask(self, statement: str, bound: list[str] | None = None) -> Result:
        """Run a statement and return its answer; a failure has Athena's reason."""
        return fetch_result(self.aws, self.start(statement, bound))

    def start(self, statement: str, bound: list[str] | None = None) -> str:
        """Run a statement and return the query's id."""
        client = self.aws.client("athena")
        more = {"ExecutionParameters": bound} if bound else {}
        query_id = client.start_query_execution(
            QueryString=statement, WorkGroup=self.names.workgroup,
            QueryExecutionContext={"Database": self.names.database}, **more,
        )["QueryExecutionId"]  # fmt: skip
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            status = client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
            if status["State"] in {"SUCCEEDED", "FAILED", "CANCELLED"}:
                assert status["State"] == "SUCCEEDED", status.get("StateChangeReason")
                return str(query_id)
            time.sleep(0.02)
        raise AssertionError(f"no answer in {SECONDS} s: {statement}")

    def prepare(self, day: Day = DAY) -> None:
        """Make the table and the day's partitions."""
        self.ask(render_create(self.names.events_bucket))
        self.ask(render_partitions(self.names.events_bucket, day.arrivals))

    def answer(self, query: Query, *, event: str = "event-0", day: Day = DAY) -> Result:
        """Ask one of the pipeline's queries."""
        return fetch_result(self.aws, self.started(query, event=event, day=day))

    def started(self, query: Query, *, event: str = "event-0", day: Day = DAY) -> str:
        """Run one of the pipeline's queries and return its id."""
        bound = bound_values(day) | {"event": quoted(event)}
        return self.start(query.text, [bound[name] for name in query.parameters])

    def answers(self, *, event: str = "event-0", day: Day = DAY) -> Results:
        """Ask all of them."""
        return Results({query.name: self.answer(query, event=event, day=day).dicts() for query in QUERIES})

    def run(self, day: date = DT, **conf: Any) -> Run:
        """Run `g1_metrics` in this process."""
        return finished(run_dag("g1_metrics", day, conf))

    def report(self, day: date = DT) -> str:
        """Return the day's report."""
        return self.events.read(f"evidence/dt={day}/report.html").decode()


def make_lake(stack: Stack) -> Lake:
    """Return a new lake; the stack runs."""
    aws, name = stack.aws(), f"lake{uuid.uuid4().hex[:10]}"
    settings = Settings.model_validate_json(stack.environment()["AIRFLOW_VAR_TAPELINE_SETTINGS"])
    names = ParticipationSettings(requests_table=name, events_bucket=name, database=name, workgroup=name)
    aws.client("s3").create_bucket(Bucket=name)
    aws.client("glue").create_database(DatabaseInput={"Name": name})
    output = {"OutputLocation": f"s3://{name}/athena-results/"}
    aws.client("athena").create_work_group(
        Name=name,
        Configuration={"ResultConfiguration": output, "EnforceWorkGroupConfiguration": True},
    )
    return Lake(aws, names, settings.model_copy(update={"participation": names}))


@contextmanager
def lake_applied(stack: Stack, lake: Lake) -> Iterator[None]:
    """Let Airflow in this process see the lake."""
    variable = {"AIRFLOW_VAR_TAPELINE_SETTINGS": json.dumps(lake.settings.model_dump(mode="json"))}
    with applied(stack.environment() | RETRY_AT_ONCE | variable):
        yield


def sorted_rows(rows: list[dict[str, Any]], key: Callable[[Any], str] = repr) -> list[Any]:
    """Return rows in an order that both sides have; columns by name."""
    return sorted(({name: row[name] for name in sorted(row)} for row in rows), key=key)
