"""Peers of the whole job: a script as somebody would write it, and dlt."""

from __future__ import annotations

import io
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.bench_whole_job import END, START, THREADS, chart_url, check, make_table, objects_of
from benchmarks.universe import symbols_of
from include.core.keys import RawTable

Work = Callable[[], None]


def script(symbols: int) -> Work:
    """yfinance → boto3 put → boto3 get and `read_json` → `concat` → a Parquet a day → insert.

    Kinder than most scripts: puts and gets run in threads.
    """
    import boto3
    import pandas as pd
    import polars as pl

    from benchmarks.bench_fetch import _yfinance

    host = json.loads(os.environ["AIRFLOW_CONN_YAHOO_DEFAULT"])["host"]
    yfinance, session = _yfinance(host)
    s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    settings = json.loads(os.environ["AIRFLOW_VAR_TAPELINE_SETTINGS"])
    table = RawTable("market", f"bench_{uuid.uuid4().hex[:8]}", "1d", "yahoo_finance")
    insert = make_table(table.table_name)

    def put(item: tuple[str, bytes]) -> str:
        s3.put_object(Bucket=settings["raw_bucket"], Key=item[0], Body=item[1])
        return item[0]

    def get(key: str) -> Any:
        body = s3.get_object(Bucket=settings["raw_bucket"], Key=key)["Body"].read()
        return pd.read_json(io.BytesIO(body), lines=True)

    def objects() -> Iterator[tuple[str, bytes]]:
        after = END.replace(day=END.day + 1)
        found = yfinance.download(
            symbols_of(symbols), start=START, end=after, session=session, auto_adjust=False,
            group_by="ticker", progress=False, threads=THREADS,
        )  # fmt: skip
        for symbol in symbols_of(symbols):
            for stamp, row in found[symbol].iterrows():
                line = {
                    "symbol": symbol, "timestamp": f"{stamp:%Y-%m-%dT00:00:00Z}", "open": row["Open"],
                    "high": row["High"], "low": row["Low"], "close": row["Close"],
                    "adjusted_close": row["Adj Close"], "volume": int(row["Volume"]),
                }  # fmt: skip
                yield table.object_key(stamp.date(), symbol), (json.dumps(line) + "\n").encode()

    def work() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            rows = pd.concat(list(pool.map(get, pool.map(put, objects()))))
        rows = rows.astype({"open": float, "high": float, "low": float, "close": float})
        for stamp, day in rows.groupby("timestamp"):
            s3.put_object(
                Bucket=settings["curated_bucket"],
                Key=table.curated.part_key(stamp.date()),
                Body=day.to_parquet(compression="zstd"),
            )
        insert(pl.from_pandas(rows))
        check(len(rows), symbols)

    return work


def with_dlt(symbols: int) -> Work:
    """dlt reads our RAW objects into Parquet; fetch, put and insert are the limit's.

    Kinder than dlt alone: its own file layout has no object a symbol and day, and its extract is slower.
    """
    import dlt
    import polars as pl
    import urllib3

    from include.orchestration import connections

    table = RawTable("market", f"bench_{uuid.uuid4().hex[:8]}", "1d", "yahoo_finance")
    raw, curated = connections.raw_store(), connections.curated_store()
    web = urllib3.PoolManager(maxsize=THREADS)
    base, insert = chart_url(), make_table(table.table_name)
    raw.create(f".warm/{table.table_name}", b"")

    def fetch(symbol: str) -> list[str]:
        objects = objects_of(table, symbol, web.request("GET", base.format(symbol)).data)
        for key, data in objects:
            raw.create(key, data)
        return [key for key, _ in objects]

    def rows() -> Iterator[list[dict[str, Any]]]:
        with ThreadPoolExecutor(THREADS) as pool:
            keys = [key for found in pool.map(fetch, symbols_of(symbols)) for key in found]
        for data in raw.read_many(keys):
            yield [json.loads(line) for line in data.splitlines()]

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            target = dlt.destinations.filesystem(bucket_url=f"file://{folder}/out")
            pipeline = dlt.pipeline(
                "bench", destination=target, dataset_name="p", pipelines_dir=f"{folder}/d"
            )
            pipeline.run(rows(), table_name="prices", loader_file_format="parquet")
            files = sorted(Path(folder, "out", "p", "prices").glob("*.parquet"))
            curated.write_many((f"market/{table.table_name}/{f.name}", f.read_bytes()) for f in files)
            frame = pl.concat([pl.read_parquet(file) for file in files])
        insert(frame.drop("_dlt_load_id", "_dlt_id"))
        check(frame.height, symbols)

    return work
