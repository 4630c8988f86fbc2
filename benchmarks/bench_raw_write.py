"""Raw write: 505 symbols × 21 days from frames to 10,605 RAW objects in a local S3.

Limit: obstore puts bytes that were encoded beforehand. Peer: boto3, with objects encoded as usual.
Run: `python -m benchmarks.bench_raw_write [repeats]`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks import lake
from benchmarks.harness import Aim, Result, compare, to_markdown
from include.clients.object_store import THREADS
from include.core.keys import RawTable
from include.prices.raw_files import split_by_day

TABLE = RawTable("market", "prices", "1d", "yahoo_finance")


def limit(endpoint: str) -> Callable[[], None]:
    """Prepared bytes, the same store and threads."""
    store, objects = lake.new_bucket(endpoint), list(_objects())
    store.create(".warm", b"")
    return lambda: _check(store.create_many(objects))


def tapeline(endpoint: str) -> Callable[[], None]:
    """As the extract does: a symbol's frame to its days' objects, conditional create."""
    store, frames = lake.new_bucket(endpoint), lake.daily_bars()
    store.create(".warm", b"")

    def work() -> None:
        created = store.create_many(
            (TABLE.object_key(ds, frame["symbol"][0]), data)
            for frame in frames for ds, data, _ in split_by_day(frame)
        )  # fmt: skip
        _check(created)

    return work


def boto3(endpoint: str) -> Callable[[], None]:
    """The usual way: `json.dumps` a row, `put_object` in threads."""
    bucket, frames = lake.new_bucket(endpoint).bucket, lake.daily_bars()
    client = lake.aws(endpoint).client("s3")

    def put(row: dict[str, object]) -> None:
        stamp = row["timestamp"]
        body = json.dumps({**row, "timestamp": f"{stamp:%Y-%m-%dT%H:%M:%SZ}"}) + "\n"
        key = TABLE.object_key(stamp.date(), str(row["symbol"]))  # type: ignore[attr-defined]
        client.put_object(Bucket=bucket, Key=key, Body=body.encode(), IfNoneMatch="*")

    def work() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(put, (row for frame in frames for row in frame.iter_rows(named=True))))

    return work


def _objects() -> list[tuple[str, bytes]]:
    return [
        (TABLE.object_key(ds, frame["symbol"][0]), data)
        for frame in lake.daily_bars() for ds, data, _ in split_by_day(frame)
    ]  # fmt: skip


def _check(created: list[bool]) -> None:
    if len(created) != lake.SYMBOLS * lake.DAYS or not all(created):
        raise RuntimeError(f"{sum(created)} of {lake.SYMBOLS * lake.DAYS} objects were written")


def run(repeat: int = 5) -> list[Result]:
    """Return the figures of all ways."""
    ways = {name: f"benchmarks.bench_raw_write:{name}" for name in ("limit", "tapeline", "boto3")}
    with lake.local_s3() as endpoint:
        return compare(
            "raw write, 10,605 objects",
            ways,
            {"endpoint": endpoint},
            limit="limit",
            repeat=repeat,
            aims={"tapeline": Aim("ratio", 1.3)},
        )


if __name__ == "__main__":
    print(to_markdown(run(int(sys.argv[1]) if len(sys.argv) > 1 else 5)))
