"""Both warehouses and curated files of any number of prices, for the load benchmark."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bokeh_sampledata
import numpy as np
import polars as pl

from benchmarks import lake
from include.core.contracts import CuratedFile, CuratedFileList
from include.prices.schema import COLUMNS, FRAME

SERVER = shutil.which("clickhouse-server") or "/usr/sbin/clickhouse-server"
ROW_GROUP = 65_536
ROWS_A_FILE = 1_250_000


def made_prices(rows: int) -> pl.DataFrame:
    """Return `rows` daily bars by time: the recorded ones under new names, each name's prices scaled (seeded)."""
    source = Path(bokeh_sampledata.__file__).parent / "_data" / "stocks.csv.gz"
    names = ["Ticker", "Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"]
    stamp = pl.col("timestamp").str.to_datetime("%Y-%m-%d", time_unit="ms", time_zone="UTC")
    recorded = pl.read_csv(source).rename(dict(zip(names, COLUMNS, strict=True))).with_columns(stamp)
    recorded = recorded.select(COLUMNS).cast(FRAME)  # type: ignore[arg-type]
    scales = np.random.default_rng(7).uniform(0.5, 2, -(-rows // recorded.height))
    prices = ["open", "high", "low", "close", "adjusted_close"]
    copies = [
        recorded.with_columns(
            pl.col("symbol") + f"_{number}",
            (pl.col(prices) * scale).round(4),
            volume=pl.col("volume") + number,
        )
        for number, scale in enumerate(scales)
    ]
    return pl.concat(copies).head(rows).sort("timestamp", "symbol")


def write_files(endpoint: str, rows: int, folder: Path) -> tuple[str, CuratedFileList]:
    """Write the bars as curated files to a new bucket, and to a folder; return the bucket and the list."""
    store = lake.new_bucket(endpoint)
    frame = made_prices(rows)
    files = []
    for number, part in enumerate(frame.iter_slices(ROWS_A_FILE)):
        path = folder / f"part-{number:03d}.parquet"
        part.write_parquet(path, compression="zstd", row_group_size=ROW_GROUP, use_pyarrow=True)
        info = store.write(f"market/prices/ds={part['timestamp'][0]:%Y-%m-%d}/{path.name}", path.read_bytes())
        files.append(CuratedFile(key=info.key, etag=info.etag, size=info.size, rows=part.height))
    return store.bucket, CuratedFileList(domain="bench", table_name="prices", files=files)


@contextmanager
def chdb_server(folder: Path) -> Iterator[int]:
    """Start the local warehouse; yield its HTTP port. It reads the local S3."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    command = [sys.executable, "-m", "devstack.warehouse", "--data", str(folder), "--port", "0"]
    with subprocess.Popen(command, env=os.environ | keys, stdout=subprocess.PIPE, text=True) as server:
        try:
            line = server.stdout.readline() if server.stdout else ""
            yield int(line.rsplit(":", 1)[1])
        finally:
            server.terminate()
            server.wait(60)


@contextmanager
def clickhouse_server(folder: Path) -> Iterator[tuple[int, int]]:
    """Start Debian's ClickHouse server; yield its native and its HTTP port."""
    native, http, other = _free_ports(3)
    (folder / "config.xml").write_text(_CONFIG.format(folder=folder, tcp=native, http=http, inter=other))
    (folder / "users.xml").write_text(_USERS)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([SERVER, f"--config-file={folder / 'config.xml'}"], stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{http}/ping", server)
        yield native, http
    finally:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def has_clickhouse_server() -> bool:
    """Say whether a real server is on this machine."""
    return Path(SERVER).exists()


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="benchmark-load-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if server.poll() is not None:
            raise RuntimeError(f"the ClickHouse server ended with {server.returncode} at once")
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the ClickHouse server did not come up")


_CONFIG = """<yandex>
<logger><level>warning</level><console>1</console></logger>
<listen_host>127.0.0.1</listen_host>
<tcp_port>{tcp}</tcp_port><http_port>{http}</http_port><interserver_http_port>{inter}</interserver_http_port>
<path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><format_schema_path>{folder}/fs/</format_schema_path>
<users_config>users.xml</users_config><default_profile>default</default_profile>
<default_database>default</default_database><mark_cache_size>50000000</mark_cache_size><timezone>UTC</timezone>
</yandex>"""
_USERS = """<yandex>
<profiles><default><max_memory_usage>2000000000</max_memory_usage></default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
<quota>default</quota></default></users>
<quotas><default><interval><duration>3600</duration><queries>0</queries><errors>0</errors>
<result_rows>0</result_rows><read_rows>0</read_rows><execution_time>0</execution_time></interval></default></quotas>
</yandex>"""
