"""Each component at its work on the local default, with every call to AWS recorded."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from devstack.dagrun import run_dag
from devstack.stack import ENVIRONMENT, Stack
from include.clients.queues import Queue
from include.core.clock import utc_now
from include.core.contracts import CuratedFile, CuratedFileList, Manifest, ManifestObject
from include.core.keys import RawTable
from include.core.queues import QueuePair, load_queues, queue_pairs
from include.core.settings import ProcessingTrigger
from tests.event_queues import EventQueues, run_on_event
from tests.infrastructure.recorder import Recorder
from tests.load.loads import bars
from tests.market import FRIDAY, SOURCE, Market, Run, finished

DOMAIN = "product"
"""The loader that is watched; what holds for one holds for all, their template is one."""
UNIVERSE = "_config/symbols.json"
SECONDS = 60.0


def until(true: Callable[[], bool]) -> None:
    """Wait for something that AWS does by itself."""
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def run_prices(market: Market, recorder: Recorder) -> None:
    """Fetch, miss a symbol, write the catalog anew, and work off events, good ones and bad ones."""
    queues = EventQueues(market)
    day = {"start": f"{FRIDAY}"}
    with recorder.working("prices"):
        for conf in (
            {"correlation_id": "once"},  # the symbols are the deployment's
            {"correlation_id": "once"},  # done already
            {"force_symbols": ["AAPL", "NOSUCH"], "override_config": {"catalog_update": "force"}},
        ):
            market.run(**day, **conf)
    queues.ask({"symbols": "wrong"})
    queues.ask(market.conf(symbols=["IBM"], **day))
    with recorder.working("prices"):
        assert run_on_event().state == "success"
    for invalid in (0, 1, 30):  # as it should be, one row set aside, a letter
        queues.announce(deliver(market, f"{market.table_name[:-1]}{invalid}m", invalid))
    with recorder.working("prices"):
        run_on_event()


def deliver(market: Market, table_name: str, invalid: int) -> str:
    """Write a day of thirty symbols as another system would, some prices negative; return the manifest's key."""
    table = RawTable("market", table_name, "1d", SOURCE)
    objects = []
    for number in range(30):
        price = -1.0 if number < invalid else 1.0
        prices = dict.fromkeys(("open", "high", "low", "close", "adjusted_close"), price)
        bar = {"symbol": f"S{number}", "timestamp": f"{FRIDAY}T00:00:00Z", **prices, "volume": 1}
        key = table.object_key(FRIDAY, bar["symbol"])
        market.raw.write(key, json.dumps(bar).encode() + b"\n")
        objects.append(ManifestObject(symbol=bar["symbol"], key=key, records=1))
    manifest = Manifest(
        environment="vendor", domain="market", table_name=table_name, data_source=SOURCE, interval="1d",
        ds=FRIDAY, generated_at=utc_now(), batch_id="vendor", objects=objects,
    )  # fmt: skip
    market.raw.write(table.manifest_key(FRIDAY), manifest.model_dump_json(exclude={"revision"}).encode())
    return table.manifest_key(FRIDAY)


def run_loader(stack: Stack, recorder: Recorder) -> Run:
    """Load a file; make letters of one that is not there and of a message that is none; extend a message."""
    market, pair = Market(stack), load_queues(ENVIRONMENT, DOMAIN)
    queue = Queue(market.aws.client("sqs"), str(pair.queue))
    folder = f"{DOMAIN}/items_{uuid.uuid4().hex[:8]}/ds=2013-03-01"
    market.curated.write(f"{folder}/part-000.parquet", bars(*(f"S{n}" for n in range(200))))
    until(lambda: queue.depth().visible > 0)
    queue.send({"nothing": "of a message"})
    gone = {"bucket": market.settings.curated_bucket, "key": f"{folder}/gone.parquet"}
    queue.send({**gone, "domain": DOMAIN, "correlation_id": "c1"})
    with recorder.working("loader"):
        run = finished(run_dag(f"load_{DOMAIN}", FRIDAY, {"linger_seconds": 0}))
    beat(market, recorder, queue.name)
    return run


def beat(market: Market, recorder: Recorder, name: str) -> None:
    """Let the loader's heartbeat extend a message of its queue once."""
    from include.load.heartbeat import Heartbeat
    from include.orchestration import connections

    Queue(market.aws.client("sqs"), name).send("a message that is held")
    with recorder.working("loader"):
        queue = Queue(connections.aws().client("sqs"), name)
        held = queue.receive(1, visibility_seconds=2, wait_seconds=5)
        with Heartbeat(queue, 2) as heartbeat:
            heartbeat.hold(held)
            before = len(recorder.requests)
            until(lambda: len(recorder.requests) > before)
        queue.delete(held)


def run_warehouse(market: Market, recorder: Recorder) -> None:
    """Load a file of prices that ClickHouse reads itself."""
    from include.clients.warehouse.load import load_files
    from include.orchestration import connections

    table = f"prices_{uuid.uuid4().int % 10**12}m"
    info = market.curated.write(f"market/{table}/ds={FRIDAY}/part-000.parquet", bars("AAPL", "IBM"))
    file = CuratedFile(key=info.key, etag=info.etag, size=info.size, rows=2)
    asked = CuratedFileList(domain="market", table_name=table, files=[file])
    with recorder.working("prices"), connections.warehouse() as warehouse:
        load_files(warehouse, connections.curated_store(), asked, correlation_id="c1", way="server")


def run_redrive(stack: Stack, recorder: Recorder) -> None:
    """Look at all letters of every queue; redrive one a queue; take away what was redriven."""
    from include.orchestration import connections
    from include.redrive.config import validate_redrive
    from include.redrive.redrive import redrive_letters

    for pair in queue_pairs(ENVIRONMENT):
        Queue(stack.aws().client("sqs"), pair.dlq).send(_letter(pair))
        asked = validate_redrive({"queue": pair.title, "key": "redriven", "dry_run": False})
        with recorder.working("redrive"):
            redriven = redrive_letters(asked, aws=connections.aws(), environment=ENVIRONMENT, now=utc_now())
        assert redriven["redriven"] == 1
    for pair in queue_pairs(ENVIRONMENT):
        if pair.queue:
            queue = Queue(stack.aws().client("sqs"), pair.queue)
            while found := queue.receive(10, visibility_seconds=60):
                queue.delete(found)


def _letter(pair: QueuePair) -> dict[str, Any]:
    if pair.stream:
        return {"id": "1", "detail-type": "ParticipationProcessed", "detail": {"requestId": "redriven"}}
    if pair.queue:
        return {"bucket": "b", "key": "redriven/key"}
    when = "2013-03-01T00:00:00Z"
    return {
        "batch_id": "market:prices:2013-03-01:c1", "start": "2013-03-01", "end": "2013-03-01", "interval": "1d",
        "data_source": SOURCE, "symbols": [{"symbol": "redriven"}], "failed_at": when,
    }  # fmt: skip


def run_watcher(market: Market, recorder: Recorder) -> None:
    """Do what the triggerer does: look into every queue, and wait for a run's manifest."""
    from airflow.providers.amazon.aws.triggers.s3 import S3KeyTrigger

    from include.orchestration.triggers.queue_waiting import QueueWaitingTrigger

    # the worker of the participation service looks into its queue itself
    titles = [p.title for p in queue_pairs(ENVIRONMENT) if p.queue and p.title != "participation"]
    triggers = [QueueWaitingTrigger(title=title, poll_seconds=0.05) for title in titles]
    prices = RawTable("market", market.table_name, "1d", SOURCE)
    manifest = S3KeyTrigger(
        bucket_name=market.settings.raw_bucket, bucket_key=[prices.manifest_key(FRIDAY)], aws_conn_id="aws_default",
        hook_params={"verify": None}, poke_interval=0.1,
    )  # fmt: skip
    absent = RawTable("market", "absent", "1d", SOURCE).manifest_key(FRIDAY)
    not_yet = S3KeyTrigger(
        bucket_name=market.settings.raw_bucket, bucket_key=[absent], aws_conn_id="aws_default",
        hook_params={"verify": None}, poke_interval=0.1,
    )  # fmt: skip

    async def watch() -> None:
        watching = [asyncio.create_task(_first(trigger.run())) for trigger in [*triggers, not_yet]]
        await asyncio.wait_for(_first(manifest.run()), SECONDS)
        while looked() < len(titles) or not any(one.status == 404 for one in seen()):
            await asyncio.sleep(0.05)
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)

    def looked() -> int:
        """Return into how many queues it has looked."""
        looks = "AmazonSQS.GetQueueAttributes"
        return len({one.body for one in seen() if one.headers.get("x-amz-target") == looks})

    def seen() -> list[Any]:
        return [one for one in recorder.requests if one.component == "watcher"]

    with recorder.working("watcher"):
        asyncio.run(asyncio.wait_for(watch(), SECONDS))


async def _first(events: Any) -> Any:
    return await anext(events)


def settings(market: Market) -> str:
    """Return the deployment's settings with a universe, which is put there, and all manifests wanted."""
    market.raw.write(UNIVERSE, json.dumps(["AAPL", "IBM"]).encode())
    changed = {
        "symbols_parameter": f"/tapeline/{ENVIRONMENT}/symbols",
        "symbols_key": UNIVERSE,
        "processing_triggers": [ProcessingTrigger(domain="market")],
    }
    return market.settings.model_copy(update=changed).model_dump_json(exclude_none=True)
