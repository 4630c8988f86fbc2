"""Transform: RAW objects in a local S3 to curated Parquet, 10,605 daily objects and 624,000 rows in 1,600.

Limit: get all objects, parse their joined bytes once, write one Parquet file: no check, no day files.
Run: `python -m benchmarks.bench_transform [repeats] [way …]`.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import lake
from benchmarks.harness import Aim, Result, compare, to_markdown
from include.clients.object_store import THREADS, ObjectStore
from include.core.contracts import ManifestRef, TransformInput
from include.core.keys import RawTable

Work = Callable[[], None]


def limit(endpoint: str, bucket: str, interval: str, days: list[str]) -> Work:
    """What nobody can undercut with these libraries."""
    import polars as pl

    from include.prices.schema import FRAME

    raw, curated, keys = _open(endpoint, bucket, interval, days)
    schema = {**FRAME, "timestamp": pl.String}

    def work() -> None:
        rows = pl.read_ndjson(b"".join(raw.read_many(keys)), schema=schema)
        sink = io.BytesIO()
        rows.with_columns(pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%SZ")).write_parquet(sink)
        curated.write("all.parquet", sink.getvalue())

    return work


def tapeline(endpoint: str, bucket: str, interval: str, days: list[str]) -> Work:
    """All of it: manifests, rules, quarantine, one file a day, quality record."""
    from include.prices.curate import curate_group, nyse_sessions

    raw, curated, keys = _open(endpoint, bucket, interval, days)
    table = RawTable("market", "prices", interval, "yahoo_finance")
    refs = [
        ManifestRef(ds=date.fromisoformat(ds), manifest_key=table.manifest_key(date.fromisoformat(ds)))
        for ds in days
    ]
    job = TransformInput(
        manifest_keys=refs, domain="market", table_name="prices", interval=interval, raw_bucket=bucket
    )
    nyse_sessions(refs[0].ds, refs[-1].ds)  # the calendar's import is not ours to measure

    def work() -> None:
        result = curate_group(raw, curated, job, batch_id="bench", max_invalid_ratio=0.0, now=lake.NOW)
        if len(result.files) != len(days) or result.rows < len(keys):
            raise RuntimeError(str(result))

    return work


def pandas_a_file(endpoint: str, bucket: str, interval: str, days: list[str]) -> Work:
    """A frame an object, concatenated: the usual script."""
    import pandas as pd

    raw, curated, keys = _open(endpoint, bucket, interval, days)

    def work() -> None:
        rows = pd.concat([pd.read_json(io.BytesIO(data), lines=True) for data in raw.read_many(keys)])
        curated.write("all.parquet", rows.to_parquet(compression="zstd"))

    return work


def pyarrow_a_file(endpoint: str, bucket: str, interval: str, days: list[str]) -> Work:
    """A table an object, concatenated."""
    import pyarrow as pa
    import pyarrow.json
    import pyarrow.parquet as pq

    raw, curated, keys = _open(endpoint, bucket, interval, days)

    def work() -> None:
        tables = [pyarrow.json.read_json(pa.BufferReader(data)) for data in raw.read_many(keys)]
        sink = io.BytesIO()
        pq.write_table(pa.concat_tables(tables, promote_options="permissive"), sink, compression="zstd")
        curated.write("all.parquet", sink.getvalue())

    return work


def duckdb_list(endpoint: str, bucket: str, interval: str, days: list[str]) -> Work:
    """`read_json` over the list of files, fetched to a folder first."""
    import duckdb

    raw, curated, keys = _open(endpoint, bucket, interval, days)

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for number, data in enumerate(raw.read_many(keys)):
                files.append(f"{folder}/{number}.json")
                Path(files[-1]).write_bytes(data)
            rows = duckdb.read_json(files, format="newline_delimited")
            rows.write_parquet(f"{folder}/all.parquet", compression="zstd")
            curated.write("all.parquet", Path(f"{folder}/all.parquet").read_bytes())

    return work


def dlt(endpoint: str, bucket: str, interval: str, days: list[str]) -> Work:
    """A dlt pipeline to Parquet files in a folder, then put."""
    import dlt as library

    raw, curated, keys = _open(endpoint, bucket, interval, days)

    def rows() -> Iterator[list[dict[str, Any]]]:
        for data in raw.read_many(keys):
            yield [json.loads(line) for line in data.splitlines()]

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            target = library.destinations.filesystem(bucket_url=f"file://{folder}/out")
            pipeline = library.pipeline(
                "bench", destination=target, dataset_name="p", pipelines_dir=f"{folder}/d"
            )
            pipeline.run(rows(), table_name="prices", loader_file_format="parquet")
            for path in Path(folder, "out").rglob("*.parquet"):
                curated.write(path.name, path.read_bytes())

    return work


WAYS = ("limit", "tapeline", "pyarrow_a_file", "duckdb_list", "dlt", "pandas_a_file")


def _open(
    endpoint: str, bucket: str, interval: str, days: list[str]
) -> tuple[ObjectStore, ObjectStore, list[str]]:
    """Return RAW, a new curated bucket, and the RAW keys; both stores have a warm connection."""
    raw, curated = lake.aws(endpoint).object_store(bucket), lake.new_bucket(endpoint)
    table = RawTable("market", "prices", interval, "yahoo_finance")
    with ThreadPoolExecutor(THREADS) as pool:
        manifests = pool.map(lambda ds: raw.read(table.manifest_key(date.fromisoformat(ds))), days)
        keys = [entry["key"] for text in manifests for entry in json.loads(text)["objects"]]
    curated.write(".warm", b"")
    return raw, curated, keys


def run(repeat: int = 5, ways: tuple[str, ...] = WAYS) -> list[Result]:
    """Return the figures of all ways for both lakes."""
    code = {name: f"benchmarks.bench_transform:{name}" for name in ways}
    results = []
    with lake.local_s3() as endpoint:
        for title, frames, interval in (
            ("transform, 10,605 objects of a row", lake.daily_bars(), "1d"),
            ("transform, 624,000 rows in 1,600 objects", lake.minute_bars(), "1m"),
        ):
            raw = lake.new_bucket(endpoint)
            days = [f"{ds}" for ds in lake.fill(raw, frames, interval)]
            args = {"endpoint": endpoint, "bucket": raw.bucket, "interval": interval, "days": days}
            results += compare(
                title,
                code,
                args,
                limit="limit",
                repeat=repeat,
                aims={"tapeline": Aim("ratio", 1.3)},
                once={"pandas_a_file"},
            )
    return results


if __name__ == "__main__":
    chosen = ("limit", *sys.argv[2:]) if len(sys.argv) > 2 else WAYS
    print(to_markdown(run(int(sys.argv[1]) if len(sys.argv) > 1 else 5, chosen)))
