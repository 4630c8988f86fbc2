"""The contest in `make demo`: users ask for places, every request becomes an event, SQL says how it went."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timezone

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
"""Shown of `analytics.g1_checks`; the first three must be 0, a worker that was killed may have published twice."""


def show_contest(stack: Stack, console: Console) -> bool:
    """Simulate a contest, ask Athena how it went, and load the answers; return whether it all fits together."""
    from include.orchestration import connections

    participation = participation_of(connections.settings())
    text = (
        f"A contest: {USERS:,} users, {PLACES:,} places, {FAULTS.worker_crashes} workers killed, "
        f"{FAULTS.redrive} dead letters"
    )
    begun = time.monotonic()
    with console.status(text) as status:
        contest = simulate(
            stack.aws(), environment=ENVIRONMENT, requests_table=participation.requests_table,
            users=USERS, events=1, capacity=PLACES, faults=FAULTS,
            tell=lambda now: status.update(f"{text} [dim]{now}[/]"),
        )  # fmt: skip
        flush_deliveries(str(stack.aws().endpoint_url))
    done(console, text, begun)
    today = datetime.now(timezone.utc).date()
    begun, log = time.monotonic(), stack.home.log("demo")
    with quiet_run(log, "Running g1_metrics"):
        run = run_dag("g1_metrics", today, {"dt": str(today)})
    done(console, "Running g1_metrics: the seed's queries on Athena", begun)
    if run.state != "success":
        console.print(f"[red]The run {run.run_id} ended as {run.state}; its log is {log}.[/]")
    loaded = load_waiting(stack, console, "analytics")
    right = _show(console, contest, today.isoformat())
    _keep_report(stack, console, participation)
    return right and loaded and run.state == "success"


def _show(console: Console, contest: Contest, day: str) -> bool:
    """Print states and checks; return whether every place was given once and every request is one event."""
    from include.orchestration import connections

    (event, states), *_ = contest.states.items()
    sql = "SELECT name, value FROM analytics.g1_checks WHERE toString(ds) = {day:String}"
    with connections.warehouse() as warehouse:
        found = {row["name"]: row["value"] for row in warehouse.query(sql, {"day": day}).to_pylist()}
    table = Table("what", "how many", title=f"The contest {event}", title_justify="left")
    for status, count in sorted(states.items()):
        table.add_row(f"requests {status}", f"{count:,}")
    table.add_row("asked twice, still one request", f"{contest.duplicates:,}")
    for name in CHECKS:
        table.add_row(f"g1_checks: {name}", f"{found.get(name, float('nan')):g}")
    console.print(table)
    expected = Counter(SUCCEEDED=PLACES, REJECTED=USERS - PLACES)
    consistent = all(found.get(name) == 0 for name in CHECKS[:3])
    if states != expected or not consistent:
        console.print("[red]The contest and its events do not fit together.[/]")
        return False
    console.print(f"[green]Exactly {PLACES} places were given, and every request has its event.[/]")
    return True


def _keep_report(stack: Stack, console: Console, participation: ParticipationSettings) -> None:
    """Copy the day's report to where a browser can open it."""
    today = datetime.now(timezone.utc).date()
    report = stack.home.path / "demo" / "g1-report.html"
    report.parent.mkdir(exist_ok=True)
    report.write_bytes(stack.aws().object_store(participation.events_bucket).read(report_key(today)))
    console.print(f"The G1 report: [bold]{report}[/]")
