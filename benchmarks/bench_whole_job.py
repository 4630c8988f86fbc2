"""The whole job without Airflow: replayed Yahoo → RAW objects → manifests → curated files → warehouse.

Ours calls what the tasks call, one task after another in one process. The limits write the same RAW
objects, one curated file a day and the rows, by hand, with nothing that makes a rerun or a crash safe;
`limit` reads RAW back as the contract between the steps has it, `in memory` does not.
Run: `python -m benchmarks.bench_whole_job [repeats] [symbols …]`.
"""

from __future__ import annotations

import io
import json
import os
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Aim, Result, compare, to_markdown
from benchmarks.local_stack import applied, local_stack
from benchmarks.universe import symbols_of

if TYPE_CHECKING:
    import polars as pl


START, END = date(2013, 2, 1), date(2013, 3, 1)
NOW = datetime(2013, 3, 4, tzinfo=timezone.utc)
DAYS = 20
THREADS = 8
SIZES = (5, 50, 505)
WAYS = {
    "limit": "benchmarks.bench_whole_job:limit",
    "limit, in memory": "benchmarks.bench_whole_job:limit_in_memory",
    "ours": "benchmarks.bench_whole_job:ours",
    "ours, chunks of 200": "benchmarks.bench_whole_job:ours_big_chunks",
    "dlt": "benchmarks.whole_job_peers:with_dlt",
    "script": "benchmarks.whole_job_peers:script",
}


def run(repeat: int = 3, sizes: tuple[int, ...] = SIZES) -> list[Result]:
    """Return the figures of all ways for every number of symbols."""
    results = []
    with local_stack(max(sizes)) as environment, applied(environment):
        for symbols in sizes:
            results += compare(
                f"whole job without Airflow, {symbols} symbols × 1 month",
                WAYS,
                {"symbols": symbols},
                limit="limit",
                repeat=repeat,
                aims={"ours": Aim("ratio", 1.5)},
                once={"script"} if symbols > 100 else (),
            )
    return results


def ours(symbols: int, chunk_size: int = 5) -> Callable[[], None]:
    """Return the job as our tasks do it, with clients of its own for every task, as in Airflow."""
    from include.clients.warehouse import load  # noqa: F401 - what a worker has imported already
    from include.core.sessions import sessions_between
    from include.orchestration import connections
    from include.prices import chunks, finalize, start, transform  # noqa: F401
    from include.prices.config import CALENDAR

    sessions_between(CALENDAR, START, END)  # the calendar's import
    table = f"bench_{uuid.uuid4().hex[:8]}"
    overrides = {"rate_limit_per_minute": 100_000, "chunk_size": chunk_size}
    request = {"symbols": symbols_of(symbols), "start": START, "end": END, "table_name": table}
    connections.warehouse().close()
    return lambda: check(run_tasks({**request, "override_config": overrides}), symbols)


def ours_big_chunks(symbols: int) -> Callable[[], None]:
    """Return the same with as many symbols a task as there may be."""
    return ours(symbols, chunk_size=200)


def run_tasks(request: dict[str, Any]) -> int:
    """Do the work of one run's tasks; return the rows loaded."""
    from include.clients.warehouse.load import load_files
    from include.core.contracts import CuratedFileList
    from include.core.keys import key_of
    from include.orchestration import connections
    from include.prices import start
    from include.prices.config import PricesRequest
    from include.prices.finalize import finalize_batch
    from include.prices.plan import read_plan
    from include.prices.transform import curate_job, read_job

    asked = PricesRequest.model_validate(request)
    owner = f"bench-{uuid.uuid4().hex[:8]}"
    where: dict[str, Any] = {"aws": connections.aws(), "settings": connections.settings()}
    resolved = {
        "request": asked.model_dump(mode="json"),
        "session": f"{END}",
        "correlation_id": owner,
    }
    plan = start.make_plan(resolved, max_map_length=1024, **where)
    if held := start.open_run(plan, asked, owner=owner, **where):
        raise RuntimeError(held.reason)
    refs = start.chunk_refs(plan, connections.raw_store())
    for ref in refs:
        extract(ref, owner)
    where["aws"] = connections.aws()
    plan = read_plan(connections.raw_store(), refs[0]["plan_uri"])
    rows = 0
    for index, uri in enumerate(finalize_batch(plan, owner=owner, now=NOW, **where)):
        where["aws"], raw = connections.aws(), connections.raw_store()
        files_uri = curate_job(plan, read_job(raw, uri), index=index, owner=owner, now=NOW, **where)
        files = CuratedFileList.model_validate_json(raw.read(key_of(files_uri)))
        with connections.warehouse() as warehouse:
            rows += load_files(warehouse, connections.curated_store(), files, correlation_id=owner).rows
    start.settle_run(plan, failed=False, owner=owner, **where)
    return rows


def extract(ref: dict[str, Any], owner: str) -> None:
    """Do the work of one extract task, with clients of its own."""
    from include.orchestration import connections
    from include.prices.chunks import run_chunk

    result = run_chunk(
        ref,
        aws=connections.aws(),
        settings=connections.settings(),
        source=connections.yahoo(),
        owner=owner,
        attempt=1,
        last_attempt=True,
    )
    if set(result.counts) != {"written"}:
        raise RuntimeError(f"{ref['label']}: {result}")


def limit(symbols: int) -> Callable[[], None]:
    """Return the job by hand: fetch, put, get, one parse, a file a day, one insert."""
    return _by_hand(symbols, in_memory=False)


def limit_in_memory(symbols: int) -> Callable[[], None]:
    """Return the job by hand, without reading RAW back."""
    return _by_hand(symbols, in_memory=True)


def _by_hand(symbols: int, *, in_memory: bool) -> Callable[[], None]:
    import polars as pl
    import urllib3

    from include.core.keys import RawTable
    from include.orchestration import connections
    from include.prices.schema import FRAME

    table = RawTable("market", f"bench_{uuid.uuid4().hex[:8]}", "1d", "yahoo_finance")
    raw, curated = connections.raw_store(), connections.curated_store()
    web = urllib3.PoolManager(maxsize=THREADS)
    base, insert = chart_url(), make_table(table.table_name)
    raw.create(f".warm/{table.table_name}", b"")

    def fetch(symbol: str) -> list[tuple[str, bytes]]:
        objects = objects_of(table, symbol, web.request("GET", base.format(symbol)).data)
        for key, data in objects:
            raw.create(key, data)
        return objects

    def work() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            objects = [item for found in pool.map(fetch, symbols_of(symbols)) for item in found]
            texts = (
                [data for _, data in objects] if in_memory else pool.map(raw.read, [k for k, _ in objects])
            )
            rows = pl.read_ndjson(b"".join(texts), schema={**FRAME, "timestamp": pl.String})
        rows = rows.with_columns(pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="ms"))
        rows = rows.sort("timestamp", "symbol")
        curated.write_many(
            (table.curated.part_key(day["timestamp"][0].date()), to_parquet(day))
            for day in rows.partition_by("timestamp")
        )
        insert(rows)
        check(rows.height, symbols)

    return work


def chart_url() -> str:
    """Return the URL of a symbol's month, with `{}` for the symbol."""
    base = json.loads(os.environ["AIRFLOW_CONN_YAHOO_DEFAULT"])["host"]
    first, after = (
        int(datetime(d.year, d.month, d.day, 5, tzinfo=timezone.utc).timestamp())
        for d in (START, END + timedelta(1))
    )
    return f"{base}/v8/finance/chart/{{}}?period1={first}&period2={after}&interval=1d&events=div%2Csplits"


def objects_of(table: Any, symbol: str, body: bytes) -> list[tuple[str, bytes]]:
    """Return a chart answer's RAW objects: a line of JSON a day, as the contract has it."""
    result = json.loads(body)["chart"]["result"][0]
    quote, adjusted = result["indicators"]["quote"][0], result["indicators"]["adjclose"][0]["adjclose"]
    columns = [quote[name] for name in ("open", "high", "low", "close")]
    objects = []
    for stamp, *prices, close, volume in zip(
        result["timestamp"], *columns, adjusted, quote["volume"], strict=True
    ):
        ds = datetime.fromtimestamp(stamp, timezone.utc).date()
        opened, high, low, last = (round(price, 4) for price in prices)
        line = (
            f'{{"symbol":"{symbol}","timestamp":"{ds}T00:00:00Z","open":{opened},"high":{high},"low":{low},'
            f'"close":{last},"adjusted_close":{round(close, 4)},"volume":{volume}}}\n'
        )
        objects.append((table.object_key(ds, symbol), line.encode()))
    return objects


def to_parquet(rows: pl.DataFrame) -> bytes:
    """Return ZSTD Parquet."""
    sink = io.BytesIO()
    rows.write_parquet(sink, compression="zstd")
    return sink.getvalue()


def make_table(name: str) -> Callable[[pl.DataFrame], None]:
    """Make a plain table for prices; return what inserts a frame by one request."""
    import clickhouse_connect

    known = json.loads(os.environ["AIRFLOW_CONN_CLICKHOUSE_DEFAULT"])
    client = clickhouse_connect.get_client(
        host=known["host"], port=known["port"], username=known["login"], password=known["password"],
        compress=False, autogenerate_session_id=False,
    )  # fmt: skip
    prices = ", ".join(f"{n} Float64" for n in ("open", "high", "low", "close", "adjusted_close"))
    client.command("CREATE DATABASE IF NOT EXISTS market")
    client.command(
        f"CREATE TABLE market.{name} (symbol String, timestamp DateTime('UTC'), {prices}, volume Int64) "
        "ENGINE = MergeTree ORDER BY (symbol, timestamp)"
    )
    return lambda rows: client.insert_arrow(f"market.{name}", rows.to_arrow())


def check(rows: int, symbols: int) -> None:
    """Refuse a way that did not do the whole job."""
    if rows != symbols * DAYS:
        raise RuntimeError(f"{rows} rows arrived, not {symbols * DAYS}")


if __name__ == "__main__":
    sizes = tuple(int(size) for size in sys.argv[2:]) or SIZES
    print(to_markdown(run(int(sys.argv[1]) if len(sys.argv) > 1 else 3, sizes)))
