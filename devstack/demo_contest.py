"""The contest in `make demo`: users ask for places, every request becomes an event, SQL says how it went."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import date, datetime, timezone
from typing import Any

from rich.console import Console
from rich.table import Table

from devstack.aws.firehose.control import flush_deliveries
from devstack.dagrun import run_dag
from devstack.demo_events import load_waiting
from devstack.demo_progress import done, quiet_run
from devstack.participation import Contest, simulate
from devstack.participation_faults import Faults
from devstack.stack import ENVIRONMENT, Stack
from include.analytics.config import participation_of
from include.core.keys import report_key
from include.core.settings import ParticipationSettings

USERS, PLACES = 10_000, 1_000
FAULTS = Faults(worker_crashes=2, duplicates=10, redrive=20)
CHECKS = ("negative_delay", "missing_timestamp", "missing_events", "malformed_lines", "duplicate_events")
"""Shown of `analytics.g1_checks`, which are of the whole day; the first two must be 0."""


def show_contest(stack: Stack, console: Console) -> bool:
    """Simulate a contest, ask Athena how it went, and load the answers; return whether it all fits together."""
    from include.orchestration import connections

    participation = participation_of(connections.settings())
    text = (
        f"A contest: {USERS:,} users, {PLACES:,} places, {FAULTS.worker_crashes} workers killed, "
        f"{FAULTS.redrive} dead letters"
    )
    begun, first_day = time.monotonic(), _today()
    with console.status(text) as status:
        contest = simulate(
            stack.aws(), environment=ENVIRONMENT, requests_table=participation.requests_table,
            users=USERS, events=1, capacity=PLACES, faults=FAULTS,
            tell=lambda now: status.update(f"{text} [dim]{now}[/]"),
        )  # fmt: skip
        flush_deliveries(str(stack.aws().endpoint_url))
    done(console, text, begun)
    today, log = _today(), stack.home.log("demo")
    begun = time.monotonic()
    with quiet_run(log, "Running g1_metrics"):
        run = run_dag("g1_metrics", today, {"dt": str(today)})
    done(console, "Running g1_metrics: the seed's queries on Athena", begun)
    if run.state != "success":
        console.print(f"[red]The run {run.run_id} ended as {run.state}; its log is {log}.[/]")
    loaded = load_waiting(stack, console, "analytics")
    events = read_events(stack, participation.events_bucket, next(iter(contest.states)), first_day, today)
    right = _show(console, contest, events, today.isoformat())
    _keep_report(stack, console, participation, today)
    return right and loaded and run.state == "success"


def read_events(stack: Stack, bucket: str, event: str, first: date, last: date) -> list[dict[str, Any]]:
    """Return the lines in S3 about an event that arrived on these days, without asking Athena."""
    store, found = stack.aws().object_store(bucket), []
    for day in sorted({first, last}):
        for one in store.list_objects(f"events/dt={day}"):
            lines = (json.loads(line) for line in store.read(one.key).splitlines())
            found += [line for line in lines if line["eventId"] == event]
    return found


def _show(console: Console, contest: Contest, events: list[dict[str, Any]], day: str) -> bool:
    """Print states, events and checks; return whether every place was given once and every request is one event."""
    from include.orchestration import connections

    (event, states), *_ = contest.states.items()
    sql = "SELECT name, value FROM analytics.g1_checks WHERE toString(ds) = {day:String}"
    with connections.warehouse() as warehouse:
        found = {row["name"]: row["value"] for row in warehouse.query(sql, {"day": day}).to_pylist()}
    table = Table("what", "how many", title=f"The contest {event}", title_justify="left")
    for status, count in sorted(states.items()):
        table.add_row(f"requests {status}", f"{count:,}")
    table.add_row("asked twice, still one request", f"{contest.duplicates:,}")
    named = {line["requestId"]: line["finalStatus"] for line in events}
    table.add_row("messages left in queue and dead letters", f"{contest.unacknowledged:,}")
    table.add_row("events in S3", f"{len(events):,}")
    table.add_row("… of so many requests", f"{len(named):,}")
    table.add_row("… a second time, by workers that were killed", f"{len(events) - len(named):,}")
    letters = {line["requestId"] for line in events if line["delivery"]["isDlq"]}
    table.add_row("… of requests that were dead letters", f"{len(letters):,}")
    for name in CHECKS:
        table.add_row(f"g1_checks: {name}", f"{found.get(name, float('nan')):g}")
    console.print(table)
    expected = Counter(SUCCEEDED=PLACES, REJECTED=USERS - PLACES)
    consistent = all(found.get(name) == 0 for name in CHECKS[:2]) and len(letters) == contest.redriven
    if states != expected or named != contest.final or contest.unacknowledged or not consistent:
        console.print("[red]The contest and its events do not fit together.[/]")
        return False
    console.print(
        f"[green]Exactly {PLACES:,} places were given, and every request has its event, which says the same.[/]"
    )
    return True


def _today() -> date:
    return datetime.now(timezone.utc).date()


def _keep_report(stack: Stack, console: Console, participation: ParticipationSettings, today: date) -> None:
    """Copy the day's report to where a browser can open it."""
    report = stack.home.path / "demo" / "g1-report.html"
    report.parent.mkdir(exist_ok=True)
    report.write_bytes(stack.aws().object_store(participation.events_bucket).read(report_key(today)))
    console.print(f"The G1 report: [bold]{report}[/]")
