"""Two real warehouses (chDB over HTTP, an old ClickHouse server over its native protocol) and files to load."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from include.clients.warehouse import Warehouse, WarehouseAddress, open_warehouse
from include.clients.warehouse.load import LoadResult, Way, load_files
from include.core.contracts import CuratedFile, CuratedFileList

REPOSITORY = Path(__file__).parents[3]
SERVER = shutil.which("clickhouse-server") or "/usr/sbin/clickhouse-server"
NAMES = ["symbol", "timestamp", "open", "high", "low", "close", "adjusted_close", "volume"]
Row = tuple[Any, ...]


@pytest.fixture(scope="session")
def http_address(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarehouseAddress]:
    """The local warehouse process, whose `s3()` reads the tests' buckets."""
    folder = tmp_path_factory.mktemp("chdb")
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    command = [sys.executable, "-m", "devstack.warehouse", "--data", str(folder), "--port", "0"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=os.environ | keys, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert "listening on" in line
        yield WarehouseAddress("127.0.0.1", int(line.rsplit(":", 1)[1]), s3_access="server")
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="session")
def native_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarehouseAddress]:
    """A ClickHouse server 18.16 (Debian's package): old, but the real native protocol."""
    if not Path(SERVER).exists():
        if os.environ.get("TAPELINE_REQUIRE_CLICKHOUSE"):
            pytest.fail(
                "TAPELINE_REQUIRE_CLICKHOUSE is set and there is no clickhouse-server on this machine"
            )
        pytest.skip("no clickhouse-server on this machine: apt-get install clickhouse-server")
    folder = tmp_path_factory.mktemp("clickhouse")
    ports = _free_ports(3)
    (folder / "users.xml").write_text(_USERS)
    (folder / "config.xml").write_text(
        _CONFIG.format(folder=folder, tcp=ports[0], http=ports[1], inter=ports[2])
    )
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [SERVER, f"--config-file={folder / 'config.xml'}"], stdout=log, stderr=log, cwd=folder
        )
    try:
        _wait_until_up(f"http://127.0.0.1:{ports[1]}/ping", server)
        yield WarehouseAddress("127.0.0.1", ports[0], interface="native")
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@dataclass
class Loads:
    """One table of a test's own, its files, and the shortest way to load and read them."""

    address: WarehouseAddress
    way: Way
    store: ObjectStore
    domain: str = field(default_factory=lambda: f"t_{uuid.uuid4().hex[:12]}")
    table_name: str = "prices"

    def write(
        self, rows: Sequence[Row], ds: str = "2013-03-01", part: int = 0, **options: Any
    ) -> CuratedFile:
        """Write a curated file of the given bars."""
        return self.write_table(bars_table(rows), ds, part, **options)

    def write_table(
        self, table: pa.Table, ds: str = "2013-03-01", part: int = 0, **options: Any
    ) -> CuratedFile:
        data = io.BytesIO()
        pq.write_table(table, data, compression="zstd", **options)
        return self.write_bytes(data.getvalue(), table.num_rows, ds, part)

    def write_bytes(self, data: bytes, rows: int, ds: str = "2013-03-01", part: int = 0) -> CuratedFile:
        info = self.store.write(f"{self.domain}/{self.table_name}/ds={ds}/part-{part:03d}.parquet", data)
        return CuratedFile(key=info.key, etag=info.etag, size=info.size, rows=rows)

    def asked(self, *files: CuratedFile) -> CuratedFileList:
        return CuratedFileList(domain=self.domain, table_name=self.table_name, files=list(files))

    def load(self, *files: CuratedFile, warehouse: Warehouse | None = None, **options: Any) -> LoadResult:
        with warehouse or self.open() as open_one:
            asked = self.asked(*files)
            return load_files(open_one, self.store, asked, correlation_id="c-1", way=self.way, **options)

    def open(self) -> Warehouse:
        return open_warehouse(self.address)

    def query(self, sql: str) -> list[dict[str, Any]]:
        with self.open() as warehouse:
            return list(warehouse.query(sql).to_pylist())

    def rows(self) -> list[Row]:
        """Return what a reader sees by a plain SELECT, sorted."""
        found = self.query(f"SELECT * FROM {self.domain}.prices ORDER BY symbol, timestamp")
        return [tuple(row[name] for name in NAMES) for row in found]

    def put(self, part: int = 0, **columns: Any) -> CuratedFile:
        """Write a file of any columns."""
        return self.write_table(pa.table(columns), part=part)

    def shown(self, *columns: str) -> list[Row]:
        """Return columns of what a reader sees, sorted by the first."""
        found = self.query(f"SELECT {', '.join(columns)} FROM {self.domain}.{self.table_name}")
        return sorted(tuple(row.values()) for row in found)

    def types(self) -> dict[str, str]:
        """Return the view's columns and types."""
        found = self.query(
            f"SELECT name, type FROM system.columns WHERE database = '{self.domain}' "
            f"AND table = '{self.table_name}'"
        )
        return {row["name"]: row["type"] for row in found}

    def audit(self) -> list[Row]:
        found = self.query(f"SELECT file_path, etag, record_count FROM {self.domain}.load_audit")
        return sorted((row["file_path"], row["etag"], row["record_count"]) for row in found)


@pytest.fixture(params=["http-server", "http-stream", "native-stream"])
def loads(request: pytest.FixtureRequest, raw: ObjectStore) -> Loads:
    """Every way a file can get into a warehouse."""
    interface, _, way = request.param.partition("-")
    return Loads(request.getfixturevalue(f"{interface}_address"), way, raw)


@pytest.fixture(params=["http", "native"])
def orders(request: pytest.FixtureRequest, raw: ObjectStore) -> Loads:
    """A table without DDL of its own, in each warehouse."""
    return Loads(request.getfixturevalue(f"{request.param}_address"), "auto", raw, table_name="orders")


@pytest.fixture
def http_orders(http_address: WarehouseAddress, raw: ObjectStore) -> Loads:
    """A table without DDL of its own, in the local default's warehouse."""
    return Loads(http_address, "auto", raw, table_name="orders")


@pytest.fixture
def native_orders(native_address: WarehouseAddress, raw: ObjectStore) -> Loads:
    """A table without DDL of its own, in an old server."""
    return Loads(native_address, "auto", raw, table_name="orders")


@pytest.fixture
def http_loads(http_address: WarehouseAddress, raw: ObjectStore) -> Loads:
    """The way that the local default goes."""
    return Loads(http_address, "auto", raw)


@pytest.fixture
def kill_loader(aws: Aws) -> Callable[..., None]:
    """Return a function that loads a file in a process that is killed right after its first write to `table`."""

    def kill(loads: Any, file: CuratedFile, table: str) -> None:
        job = {
            "address": asdict(loads.address), "aws": asdict(aws), "bucket": loads.store.bucket, "table": table,
            "asked": loads.asked(file).model_dump(), "way": loads.way,
        }  # fmt: skip
        program = Path(__file__).with_name("killed_loader.py")
        done = subprocess.run(
            [sys.executable, str(program), json.dumps(job)], cwd=REPOSITORY, capture_output=True, text=True,
            env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"}, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]

    return kill


@pytest.fixture
def make_rows() -> Callable[..., list[Row]]:
    """Return a function that makes daily bars: `days` of each symbol from `first`, prices from `price` on."""

    def make(
        *symbols: str,
        first: date = date(2013, 3, 1),
        days: int = 1,
        price: float = 10.0,
        adjusted: bool = True,
    ) -> list[Row]:
        start = datetime.combine(first, datetime.min.time())
        return [
            (
                symbol, start + timedelta(days=n), price + n, price + n + 0.5, price + n - 0.5, price + n + 0.1,
                price + n + 0.1 if adjusted else None, 1000 + n,
            )
            for symbol in symbols for n in range(days)
        ]  # fmt: skip

    return make


def bars_table(rows: Sequence[Row]) -> pa.Table:
    """Return bars as the transform writes them."""
    columns = list(zip(*rows, strict=True)) if rows else [[] for _ in NAMES]
    stamps = [stamp.replace(tzinfo=timezone.utc) for stamp in columns[1]]
    arrays = [pa.array(columns[0], pa.string()), pa.array(stamps, pa.timestamp("ms", "UTC"))]
    arrays += [pa.array(column, pa.float64()) for column in columns[2:7]]
    return pa.table(dict(zip(NAMES, [*arrays, pa.array(columns[7], pa.int64())], strict=True)))


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _wait_until_up(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, "the ClickHouse server ended at once"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the ClickHouse server did not come up")


_CONFIG = """<yandex>
<logger><level>warning</level><console>1</console></logger>
<listen_host>127.0.0.1</listen_host>
<tcp_port>{tcp}</tcp_port><http_port>{http}</http_port><interserver_http_port>{inter}</interserver_http_port>
<path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><format_schema_path>{folder}/fs/</format_schema_path>
<users_config>users.xml</users_config><default_profile>default</default_profile>
<default_database>default</default_database><mark_cache_size>50000000</mark_cache_size><timezone>UTC</timezone>
</yandex>"""
_USERS = """<yandex>
<profiles><default><max_memory_usage>1000000000</max_memory_usage></default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
<quota>default</quota></default></users>
<quotas><default><interval><duration>3600</duration><queries>0</queries><errors>0</errors>
<result_rows>0</result_rows><read_rows>0</read_rows><execution_time>0</execution_time></interval></default></quotas>
</yandex>"""
