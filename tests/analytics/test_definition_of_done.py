"""Seed 003, sections 12 and 13, one test a line, on one small contest that went all the way: API's ingest, queue, worker,
EventBridge, Firehose, S3, Athena, `g1_metrics`."""

from __future__ import annotations

import io
import json
import logging
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from devstack.aws.firehose.control import flush_deliveries
from devstack.stack import ENVIRONMENT, Stack
from include.analytics import tasks
from include.analytics.config import Day
from include.analytics.missing import NAMED
from include.analytics.statements import SEED
from include.clients.queues import Message, Queue
from include.core.contracts.participation import ParticipationProcessed
from include.core.settings import Settings
from include.participation.capacity import Capacity
from include.participation.config import WorkerConfig
from include.participation.events import Events
from include.participation.models import FINAL, Request
from include.participation.parts import make_consumer, make_ingest
from include.participation.requests import Requests
from include.participation.table import Table
from tests.analytics.lake import SECONDS, Lake
from tests.conftest import RETRY_AT_ONCE
from tests.market import Run, applied

pytestmark = pytest.mark.integration
PLACES, USERS = 3, 8
KEY = re.compile(r"events/dt=(\d{4}-\d\d-\d\d)/hour=([01]\d|2[0-3])/[^/]+")


class Refusing:
    """An EventBridge that takes nothing."""

    def put_events(self, Entries: list[Any]) -> Any:  # noqa: N803
        raise KeyError("no answer")


@dataclass
class Contest:
    """What happened, and where to look."""

    lake: Lake
    config: WorkerConfig
    event: str = field(default_factory=lambda: f"contest-{uuid.uuid4().hex[:8]}")
    queued: dict[str, int | None] = field(default_factory=dict)
    """`queuedAt` of each request before any worker saw it."""
    warnings: list[str] = field(default_factory=list)
    run: Run | None = None

    @property
    def requests(self) -> Requests:
        return Requests(Table(self.config.aws, self.config.requests_table))

    def now(self, request_id: str) -> Request:
        found = self.requests.get(request_id)
        assert found
        return found

    def objects(self) -> list[str]:
        return [one.key for one in self.lake.events.list_objects("events")]

    def events(self) -> list[dict[str, Any]]:
        """Return the contest's events as they stand in S3: each line must be one."""
        data = b"".join(self.lake.events.read_many(self.objects()))
        return [one for one in map(json.loads, data.splitlines()) if one["eventId"] == self.event]

    @property
    def day(self) -> Day:
        at = next(one for one in self.queued.values() if one) / 1000
        return Day(datetime.fromtimestamp(at, timezone.utc).date(), 1)

    def table(self, name: str) -> pl.DataFrame:
        key = f"analytics/{name}/ds={self.day.dt}/part-000.parquet"
        return pl.read_parquet(io.BytesIO(self.lake.curated.read(key)))


def play(contest: Contest) -> None:
    """Eight users want three places; one message comes by way of the dead letters, one event is lost."""
    ingest, sqs = make_ingest(contest.config), contest.lake.aws.client("sqs")
    Capacity(Table(contest.config.aws, contest.config.requests_table)).open(contest.event, PLACES)
    for user in range(USERS):
        request = ingest.participate(f"user-{user}", contest.event)
        assert request
        contest.queued[request.request_id] = contest.now(request.request_id).queued_at
    main, letters = (
        Queue(sqs, str(name)) for name in (contest.config.queues.queue, contest.config.queues.dlq)
    )
    held: dict[str, Message] = {}
    while fresh := [one for one in main.receive(10, visibility_seconds=60) if one.id not in held]:
        held |= {message.id: message for message in fresh}
    first, lost, *rest = held.values()
    letters.send(first.body)
    main.delete([first])
    worker = make_consumer(contest.config, from_dlq=False)
    worker.handle(rest)
    make_consumer(contest.config, from_dlq=True).handle(letters.receive(10, visibility_seconds=60))
    cloudwatch = contest.lake.aws.client("cloudwatch")
    broken = Events(Refusing(), cloudwatch, environment=ENVIRONMENT)
    object.__setattr__(worker, "events", broken)
    worker.handle([lost])


def wait_for_lines(contest: Contest, count: int) -> None:
    deadline = time.monotonic() + SECONDS
    while len(contest.events()) < count:
        assert time.monotonic() < deadline, f"{len(contest.events())} of {count} events arrived"
        flush_deliveries(str(contest.lake.aws.endpoint_url))
        time.sleep(0.1)


@pytest.fixture(scope="module")
def contest(stack: Stack) -> Iterator[Contest]:
    with applied(stack.environment() | RETRY_AT_ONCE), pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "POLL_SECONDS", 0.05)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        settings = Settings.model_validate_json(stack.environment()["AIRFLOW_VAR_TAPELINE_SETTINGS"])
        assert settings.participation, "the stacks of the service and of the lake are deployed"
        lake = Lake(stack.aws(), settings.participation, settings)
        config = WorkerConfig(
            environment=ENVIRONMENT, requests_table=settings.participation.requests_table,
            endpoint_url=lake.aws.endpoint_url, worker_id="local-1", wait_seconds=0,
        )  # fmt: skip
        contest, heard = Contest(lake, config), _Heard()
        logging.getLogger("include.participation").addHandler(heard)
        try:
            play(contest)
        finally:
            logging.getLogger("include.participation").removeHandler(heard)
        contest.warnings = heard.texts
        wait_for_lines(contest, USERS - 1)
        contest.run = lake.run(contest.day.dt, event_id=contest.event, repair=True)
        yield contest


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


# --- 12, definition of done --------------------------------------------------------------------


def test_12_event_files_land_under_dt_and_hour(contest: Contest) -> None:
    assert contest.objects()
    assert all(KEY.fullmatch(key) for key in contest.objects())


def test_12_msck_repair_finds_the_partitions(contest: Contest) -> None:
    assert contest.run
    assert contest.run.tasks["repair_table"] == ["success"]
    known = {row[0] for row in contest.lake.ask("SHOW PARTITIONS participation_logs").rows}
    assert {"/".join(key.split("/")[1:3]) for key in contest.objects()} <= known


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("g1_traffic", "traffic_per_min"),
        ("g1_distribution", "total_count"),
        ("g1_delay", "p95_queue_delay_ms"),
        ("g1_delay", "p95_e2e_delay_ms"),
    ],
)
def test_12_the_four_metrics_are_answered_and_kept(contest: Contest, table: str, column: str) -> None:
    assert contest.run
    assert contest.run.state == "success"
    for form in ("seed", "late_safe"):
        frame = contest.table(table).filter(pl.col("form") == form)
        assert frame.height
        assert not frame[column].has_nulls()
    assert all(query.name in contest.lake.report(contest.day.dt) for query in SEED)


def test_12_no_delay_is_negative(contest: Contest) -> None:
    assert contest.run
    assert contest.run.results["validate_delays"] == contest.run.results["validate_timestamps"] == [0]


def test_12_a_failed_publication_changes_neither_state_nor_acknowledgement(contest: Contest) -> None:
    states = [contest.now(request_id).status for request_id in contest.queued]
    assert set(states) <= FINAL
    assert states.count("SUCCEEDED") == PLACES
    for name in (contest.config.queues.queue, contest.config.queues.dlq):
        assert Queue(contest.lake.aws.client("sqs"), str(name)).depth().total == 0
    assert len([text for text in contest.warnings if "was not published" in text]) == 1


# --- 13, checklist of a pull request -----------------------------------------------------------


@pytest.mark.parametrize("name", ["queuedAt", "startedAt", "finishedAt"])
def test_13_every_event_has_its_timestamps_and_one_without_is_refused(contest: Contest, name: str) -> None:
    for event in contest.events():
        assert event["timestamps"][name] > 0
        ParticipationProcessed.model_validate(event)
        del event["timestamps"][name]
        with pytest.raises(ValidationError, match=name):
            ParticipationProcessed.model_validate(event)


def test_13_queued_at_is_inherited(contest: Contest) -> None:
    for event in contest.events():
        assert event["timestamps"]["queuedAt"] == contest.queued[event["requestId"]]


def test_13_the_lost_event_is_the_only_one_missing_and_the_report_counts_it(contest: Contest) -> None:
    checks = dict(contest.table("g1_checks").select("name", "value").iter_rows())
    assert len(contest.events()) == len({event["requestId"] for event in contest.events()}) == USERS - 1
    assert checks["missing_events"] >= 1
    published = {event["requestId"] for event in contest.events()}
    (note,) = contest.table("g1_checks").filter(pl.col("name") == "missing_events")["note"]
    (lost,) = contest.queued.keys() - published
    assert lost in note or checks["missing_events"] > NAMED  # of other tests of this deployment


def test_13_only_what_came_by_the_dead_letters_says_so(contest: Contest) -> None:
    assert [event["delivery"]["isDlq"] for event in contest.events()].count(True) == 1


@pytest.mark.parametrize(
    ("query", "column"), [("select_traffic", "queuedAt"), ("select_throughput", "finishedAt")]
)
def test_13_traffic_is_by_queued_at_and_throughput_by_finished_at(query: str, column: str) -> None:
    (text,) = (one.text for one in SEED if one.name == query)
    statement = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    assert set(re.findall(r"timestamps\.(\w+)", statement)) == {column}


def test_13_my_participations_is_a_query_of_gsi1_newest_first(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.client import BaseClient

    calls: list[tuple[str, Any]] = []
    call: Any = BaseClient._make_api_call

    def record(self: Any, name: str, arguments: Any) -> Any:
        calls.append((name, arguments))
        return call(self, name, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", record)
    found, _ = contest.requests.newest("user-1", limit=20)
    assert [one.queued_at for one in found] == sorted((one.queued_at or 0 for one in found), reverse=True)
    assert [name for name, _ in calls] == ["Query"]
    assert (calls[0][1]["IndexName"], calls[0][1]["ScanIndexForward"]) == ("GSI1", False)


def test_13_no_delay_of_any_line_is_negative(contest: Contest) -> None:
    for event in contest.events():
        times = event["timestamps"]
        assert times["queuedAt"] <= times["startedAt"] <= times["finishedAt"]


def test_13_the_prefix_is_the_hour_of_arrival(contest: Contest) -> None:
    """Of the day on which the contest was, or the next one."""
    days = {str(found[1]) for found in map(KEY.fullmatch, contest.objects()) if found}
    assert contest.day.dt.isoformat() in days or contest.day.last.isoformat() in days
