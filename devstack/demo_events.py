"""The event path in `make demo`: a file copied into the curated bucket by hand appears in the warehouse."""

from __future__ import annotations

import random
import time
from datetime import date, datetime, timedelta, timezone

import polars as pl
from rich.console import Console

from devstack.dagrun import run_dag
from devstack.demo_progress import done, quiet_run, step
from devstack.stack import ENVIRONMENT, Stack
from include.clients.queues import Queue
from include.core.errors import TransientError
from include.core.queues import load_queues

DAY = date(2013, 3, 1)
KEY = f"customer/visits/ds={DAY}/part-000.parquet"
VISITS = 5_000


class EventMissing(TransientError):
    """A file was put into the curated bucket and no message came."""


def show_event_path(stack: Stack, console: Console) -> bool:
    """Copy a file into the curated bucket, load what events announced; return whether all rows are right."""
    from include.orchestration import connections

    visits = make_visits()
    file = stack.home.path / "demo" / "visits.parquet"
    file.parent.mkdir(exist_ok=True)
    visits.write_parquet(file)
    store = connections.curated_store()
    waiting = _waiting(stack, "customer")
    with step(console, f"Copying a file into the curated bucket by hand: {store.uri(KEY)}"):
        store.write(KEY, file.read_bytes())
        _await_message(waiting)
    ok = load_waiting(stack, console, "customer") & load_waiting(stack, console, "market")
    with connections.warehouse() as warehouse:
        loaded = pl.DataFrame(warehouse.query("SELECT * FROM customer.visits ORDER BY visit"))
    same = loaded.select(visits.columns).cast(visits.schema).equals(visits)
    console.print(
        f"[green]customer.visits has exactly the file's {VISITS:,} rows.[/]"
        if same
        else f"[red]customer.visits has {loaded.height:,} rows that are not the file's {VISITS:,}.[/]"
    )
    return ok and same


def make_visits() -> pl.DataFrame:
    """Return made-up visits of customers, always the same ones."""
    chance = random.Random(20130301)  # noqa: S311 - no secret
    noon = datetime.combine(DAY, datetime.min.time(), timezone.utc) + timedelta(hours=12)
    return pl.DataFrame(
        {
            "visit": range(VISITS),
            "customer": [f"c{chance.randrange(800):04d}" for _ in range(VISITS)],
            "visited_at": [noon + timedelta(seconds=chance.randrange(30_000)) for _ in range(VISITS)],
            "spent": [
                round(chance.uniform(0, 200), 2) if chance.random() < 0.3 else None for _ in range(VISITS)
            ],
        },
        schema_overrides={"visited_at": pl.Datetime("ms", "UTC")},
    )


def load_waiting(stack: Stack, console: Console, domain: str) -> bool:
    """Run `load_<domain>` and say what became of the messages that waited."""
    messages = _waiting(stack, domain).depth().visible
    text = f"Running load_{domain}: {messages:,} messages"
    begun, log = time.monotonic(), stack.home.log("demo")
    with quiet_run(log, text):
        run = run_dag(f"load_{domain}", DAY, {})
    left = _waiting(stack, domain).depth().total
    done(console, f"{text}, {left:,} left", begun)
    if run.state != "success":
        console.print(f"[red]The run {run.run_id} ended as {run.state}; its log is {log}.[/]")
    return run.state == "success" and not left


def _waiting(stack: Stack, domain: str) -> Queue:
    return Queue(stack.aws().client("sqs"), str(load_queues(ENVIRONMENT, domain).queue))


def _await_message(queue: Queue, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not queue.depth().visible:
        if time.monotonic() > deadline:
            raise EventMissing(f"no message of {KEY} came to the queue {queue.name} in {seconds:.0f} s")
        time.sleep(0.1)
