"""`make demo`: the main job on real recorded prices, a file that comes by an event, fundamentals, a contest, the status."""

from __future__ import annotations

import os
import time
from collections import Counter
from datetime import date

from rich.console import Console
from rich.table import Table

from devstack.dagrun import run_dag
from devstack.demo_contest import show_contest
from devstack.demo_events import show_event_path
from devstack.demo_fundamentals import show_fundamentals
from devstack.demo_progress import done, quiet_run, step
from devstack.demo_status import show_status
from devstack.stack import Stack
from devstack.verify import SymbolSummary, loaded_rows, recorded_rows, summarize

SYMBOLS = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
QUESTION = "SELECT symbol, count(), min(timestamp), max(timestamp) FROM market.prices GROUP BY symbol"


def run_demo(stack: Stack, console: Console) -> bool:
    """Run `prices_daily` over all recorded prices, then every other part; return whether all of it is right."""
    with step(console, "Starting the local default: AWS, warehouse, PostgreSQL, market data"):
        stack.up()
    os.environ.update(stack.environment())
    recorded = recorded_rows()
    first, last = min(row[1] for row in recorded), max(row[1] for row in recorded)
    text = f"Running prices_daily: {', '.join(SYMBOLS)}, {first} to {last}"
    log, begun = stack.home.log("demo"), time.monotonic()
    conf = {"symbols": SYMBOLS, "start": first, "end": last}
    with quiet_run(log, text):
        run = run_dag("prices_daily", date.fromisoformat(last), conf)
    done(console, text, begun)
    _show_objects(console)
    with step(console, "Comparing market.prices with the recorded file"):
        from include.orchestration import connections

        loaded = loaded_rows(connections.warehouse(), first, last)
    _show_rows(console, summarize(loaded), summarize(recorded))
    same = loaded == recorded
    console.print(
        f"[green]All {len(loaded):,} rows equal the recorded prices.[/]"
        if same
        else f"[red]The warehouse has {len(loaded):,} rows that are not the {len(recorded):,} recorded ones.[/]"
    )
    if run.state != "success":
        console.print(f"[red]The run {run.run_id} ended as {run.state}; its log is {log}.[/]")
    shown = [show(stack, console) for show in (show_event_path, show_fundamentals, show_contest, show_status)]
    console.print(f'\nAsk yourself:  [bold].venv/bin/tapeline sql "{QUESTION}"[/]')
    console.print("Look around:   [bold]make ui[/]      Stop it all:  [bold].venv/bin/tapeline down[/]")
    return same and all(shown) and run.state == "success"


def _show_objects(console: Console) -> None:
    """Print how many objects of each kind the buckets hold, with an example of each."""
    from include.orchestration import connections

    table = Table(
        "bucket", "what", "objects", "for instance", title="What landed where", title_justify="left"
    )
    for store in (connections.raw_store(), connections.curated_store()):
        counts: Counter[str] = Counter()
        examples: dict[str, str] = {}
        for info in store.list_objects(""):
            kind = _kind(info.key)
            counts[kind] += 1
            examples[kind] = info.key
        for kind, count in sorted(counts.items()):
            table.add_row(store.bucket, kind, f"{count:,}", examples[kind])
    console.print(table)


def _kind(key: str) -> str:
    if key.startswith("_"):
        return key.split("/", 1)[0].removeprefix("_")
    if key.endswith(".manifest.json"):
        return "manifests"
    if key.endswith("_schema_fingerprint.json"):
        return "schema fingerprints"
    return "curated files" if "/ds=" in key else "raw objects"


def _show_rows(console: Console, loaded: list[SymbolSummary], recorded: list[SymbolSummary]) -> None:
    table = Table(
        "symbol", "rows", "first", "last", "checksum", "recorded", title="market.prices", title_justify="left"
    )
    expected = {line.symbol: line for line in recorded}
    for line in loaded:
        same = "[green]same[/]" if line == expected.get(line.symbol) else "[red]differs[/]"
        table.add_row(line.symbol, f"{line.rows:,}", line.first, line.last, line.checksum, same)
    console.print(table)
