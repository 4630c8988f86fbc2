"""A local S3 and a lake of recorded prices for the raw-write and transform benchmarks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import bokeh_sampledata
import numpy as np
import polars as pl

from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from include.core.contracts import Manifest, ManifestObject
from include.core.keys import RawTable
from include.prices.raw_files import split_by_day
from include.prices.schema import COLUMNS, FRAME

NOW = datetime(2013, 3, 4, tzinfo=timezone.utc)
SYMBOLS, DAYS = 505, 21


@contextmanager
def local_s3() -> Iterator[str]:
    """Start a MiniStack of this benchmark's own; yield its endpoint."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="benchmark-s3-")
    names = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1"}
    quiet = {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "LOG_LEVEL": "ERROR", "STATE_DIR": folder}
    with (Path(folder) / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=os.environ | names | quiet, stdout=log, stderr=log
        )
    try:
        _wait(f"http://127.0.0.1:{port}/_ministack/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if server.poll() is not None:
            raise RuntimeError(f"the local S3 ended with {server.returncode} at once")
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the local S3 did not come up")


def aws(endpoint: str) -> Aws:
    """Return access to the local S3."""
    return Aws("us-east-1", endpoint, access_key_id="test", secret_access_key="test")


def new_bucket(endpoint: str) -> ObjectStore:
    """Return a new, empty bucket."""
    name = f"bench-{uuid.uuid4().hex[:12]}"
    aws(endpoint).client("s3").create_bucket(Bucket=name)
    return aws(endpoint).object_store(name)


def daily_bars(symbols: int = SYMBOLS, days: int = DAYS) -> list[pl.DataFrame]:
    """Return a frame a symbol: the last sessions recorded, under as many names as asked."""
    source = Path(bokeh_sampledata.__file__).parent / "_data" / "stocks.csv.gz"
    names = ["Ticker", "Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"]
    stamp = pl.col("timestamp").str.to_datetime("%Y-%m-%d", time_unit="ms", time_zone="UTC")
    frame = pl.read_csv(source).rename(dict(zip(names, COLUMNS, strict=True))).with_columns(stamp)
    own = [
        part.tail(days) for part in frame.select(COLUMNS).cast(FRAME).sort("timestamp").partition_by("symbol")
    ]
    return [own[n % len(own)].with_columns(symbol=pl.lit(f"S{n:04d}")) for n in range(symbols)]


def minute_bars(symbols: int = 40, days: int = 40) -> list[pl.DataFrame]:
    """Return a frame a symbol of 390 one-minute bars a day: 624,000 rows in 1,600 objects."""
    rng = np.random.default_rng(7)
    sessions = [date(2012, 12, 3) + timedelta(days=n) for n in range(days)]
    stamps = [
        datetime(ds.year, ds.month, ds.day, 14, 30, tzinfo=timezone.utc) + timedelta(minutes=n)
        for ds in sessions for n in range(390)
    ]  # fmt: skip
    return [_minutes(f"S{n:04d}", stamps, rng) for n in range(symbols)]


def _minutes(symbol: str, stamps: list[datetime], rng: np.random.Generator) -> pl.DataFrame:
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.0005, len(stamps)))), 4)
    opened = np.roll(close, 1)
    opened[0] = close[0]
    columns = {
        "symbol": [symbol] * len(stamps), "timestamp": stamps, "open": opened,
        "high": np.maximum(opened, close) + 0.01, "low": np.minimum(opened, close) - 0.01, "close": close,
        "adjusted_close": close, "volume": rng.integers(900, 1100, len(stamps)),
    }  # fmt: skip
    return pl.DataFrame(columns, schema=FRAME)


def fill(raw: ObjectStore, frames: list[pl.DataFrame], interval: str) -> list[date]:
    """Write the bars as RAW objects with their manifests; return the days."""
    table = RawTable("market", "prices", interval, "yahoo_finance")
    days: dict[date, list[ManifestObject]] = {}
    objects = []
    for frame in frames:
        symbol = frame["symbol"][0]
        for ds, data, records in split_by_day(frame):
            key = table.object_key(ds, symbol)
            objects.append((key, data))
            days.setdefault(ds, []).append(ManifestObject(symbol=symbol, key=key, records=records))
    raw.write_many(objects)
    for ds, entries in days.items():
        manifest = Manifest(
            environment="bench", domain="market", table_name="prices", data_source="yahoo_finance",
            interval=interval, ds=ds, generated_at=NOW, batch_id="bench", objects=entries,
        )  # fmt: skip
        raw.write(table.manifest_key(ds), manifest.model_dump_json().encode())
    return sorted(days)
