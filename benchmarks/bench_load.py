"""Load: curated Parquet files of 619,000 and 10 million bars into ClickHouse, on two servers.

Limit on each server: an INSERT of a prepared Native body by HTTP, into the same table. Peers: clickhouse-driver
with one whole frame and with rows of Python objects. Run: `python -m benchmarks.bench_load [repeats [rows …]]`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import urllib3

from benchmarks import lake, warehouses
from benchmarks.harness import Aim, Result, compare, to_markdown
from include.clients.warehouse import Warehouse, WarehouseAddress, open_warehouse
from include.clients.warehouse.load import Way, load_files
from include.clients.warehouse.tables import WarehouseTable, migrate
from include.core.contracts import CuratedFileList

SIZES = (619_000, 10_000_000)
TABLE = WarehouseTable("bench", "prices")
_COLUMNS = "symbol, timestamp, open, high, low, close, adjusted_close, volume"


def limit(port: int, body: str, **_: Any) -> Callable[[], None]:
    """The same rows as a prepared Native body, sent from a file."""
    _fresh(_http(port))
    insert = f"query=INSERT+INTO+{TABLE.rows}+FORMAT+Native&max_partitions_per_insert_block=0"

    def work() -> None:
        answer = urllib3.request(
            "POST", f"http://127.0.0.1:{port}/?{insert}", body=_pieces(Path(body)), retries=False, timeout=600
        )
        if answer.status != 200:
            raise RuntimeError(answer.data[:500])

    return work


def old_limit(http_port: int, body: str, **_: Any) -> Callable[[], None]:
    """The limit on the old server."""
    _old_fresh(http_port)
    insert = f"query=INSERT+INTO+{TABLE.rows}+FORMAT+Native"

    def work() -> None:
        answer = urllib3.request(
            "POST",
            f"http://127.0.0.1:{http_port}/?{insert}",
            body=_pieces(Path(body)),
            retries=False,
            timeout=600,
        )
        if answer.status != 200:
            raise RuntimeError(answer.data[:500])

    return work


def server_s3(port: int, **job: Any) -> Callable[[], None]:
    """Tapeline, the server reads S3."""
    return _tapeline(WarehouseAddress("127.0.0.1", port, s3_access="server"), "server", **job)


def server_file(port: int, folder: str, **_: Any) -> Callable[[], None]:
    """The server reads the same files from its disk."""
    warehouse = _fresh(_http(port))
    sql = (
        f"INSERT INTO {TABLE.rows} SELECT {_COLUMNS}, 0, 1, 0 "
        "FROM file({path:String}, 'Parquet') SETTINGS max_partitions_per_insert_block = 0"
    )
    return lambda: warehouse.execute(sql, {"path": f"{folder}/*.parquet"})


def streamed_http(port: int, **job: Any) -> Callable[[], None]:
    """Tapeline, through us by HTTP."""
    return _tapeline(WarehouseAddress("127.0.0.1", port), "stream", **job)


def streamed_native(native_port: int, **job: Any) -> Callable[[], None]:
    """Tapeline, through us by clickhouse-driver."""
    return _tapeline(WarehouseAddress("127.0.0.1", native_port, interface="native"), "stream", **job)


def driver_frame(native_port: int, folder: str, **_: Any) -> Callable[[], None]:
    """clickhouse-driver's `insert_dataframe` of all rows."""
    import pandas as pd
    from clickhouse_driver import Client

    _old_fresh_native(native_port)
    client = Client("127.0.0.1", port=native_port, settings={"use_numpy": True})

    def work() -> None:
        frame = pd.concat([pd.read_parquet(path) for path in sorted(Path(folder).glob("*.parquet"))])
        frame["timestamp"] = frame["timestamp"].dt.tz_localize(None).astype("datetime64[s]")
        frame["file_id"], frame["version"], frame["is_deleted"] = 0, 1, 0
        client.insert_dataframe(f"INSERT INTO {TABLE.rows} VALUES", frame)

    return work


def driver_rows(native_port: int, folder: str, **_: Any) -> Callable[[], None]:
    """clickhouse-driver with a list of Python rows."""
    import pyarrow.parquet as pq
    from clickhouse_driver import Client

    _old_fresh_native(native_port)
    client = Client("127.0.0.1", port=native_port)

    def work() -> None:
        for path in sorted(Path(folder).glob("*.parquet")):
            columns = [column.to_pylist() for column in pq.read_table(path).columns]
            rows = [(*row, 0, 1, 0) for row in zip(*columns, strict=True)]
            client.execute(f"INSERT INTO {TABLE.rows} VALUES", rows)

    return work


def _tapeline(
    address: WarehouseAddress, way: Way, *, endpoint: str, bucket: str, asked: str, **_: Any
) -> Callable[[], None]:
    warehouse, store = _fresh(open_warehouse(address)), lake.aws(endpoint).object_store(bucket)
    files = CuratedFileList.model_validate_json(asked)

    def work() -> None:
        result = load_files(warehouse, store, files, correlation_id="bench", way=way)
        if result.rows != sum(file.rows for file in files.files):
            raise RuntimeError(f"{result.rows} rows were loaded")

    return work


def _http(port: int) -> Warehouse:
    return open_warehouse(WarehouseAddress("127.0.0.1", port))


def _fresh(warehouse: Warehouse) -> Warehouse:
    """Empty the table, as the product makes it."""
    warehouse.execute(f"DROP DATABASE IF EXISTS {TABLE.domain}")
    migrate(warehouse, TABLE)
    return warehouse


def _old_fresh_native(port: int) -> None:
    with open_warehouse(WarehouseAddress("127.0.0.1", port, interface="native")) as warehouse:
        _fresh(warehouse)


def _old_fresh(http_port: int) -> None:
    answer = urllib3.request("POST", f"http://127.0.0.1:{http_port}/", body=f"TRUNCATE TABLE {TABLE.rows}")
    if answer.status != 200:
        raise RuntimeError(answer.data[:500])


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def _save_native(http_port: int, path: Path) -> None:
    """Save the loaded rows as the body that the limit sends."""
    sql = f"SELECT * FROM {TABLE.rows} ORDER BY timestamp, symbol FORMAT Native"
    answer = urllib3.request(
        "POST", f"http://127.0.0.1:{http_port}/", body=sql, preload_content=False, timeout=600
    )
    with path.open("wb") as file:
        for piece in answer.stream(1 << 20):
            file.write(piece)


def _on_chdb(rows: int, repeat: int, job: dict[str, Any], folder: Path) -> list[Result]:
    with warehouses.chdb_server(folder / "chdb") as port:
        body = folder / "chdb.native"
        streamed_http(port=port, **job)()
        _save_native(port, body)
        ways = {
            name: f"benchmarks.bench_load:{name}"
            for name in ("limit", "server_s3", "server_file", "streamed_http")
        }
        aims = {"server_s3": Aim("ratio", 1.15), "streamed_http": Aim("ratio", 1.3)}
        return compare(
            f"load {rows:,} bars, chDB behind HTTP", ways, {**job, "port": port, "body": str(body)},
            limit="limit", repeat=repeat, aims=aims,
        )  # fmt: skip


def _on_clickhouse(rows: int, repeat: int, job: dict[str, Any], folder: Path) -> list[Result]:
    (folder / "clickhouse").mkdir()
    with warehouses.clickhouse_server(folder / "clickhouse") as (native_port, http_port):
        body = folder / "clickhouse.native"
        streamed_native(native_port=native_port, **job)()
        _save_native(http_port, body)
        names = ["old_limit", "streamed_native", "driver_frame"] + (
            ["driver_rows"] if rows < 1_000_000 else []
        )
        return compare(
            f"load {rows:,} bars, ClickHouse server 18.16 by its native protocol",
            {name: f"benchmarks.bench_load:{name}" for name in names},
            {**job, "native_port": native_port, "http_port": http_port, "body": str(body)},
            limit="old_limit", repeat=repeat, aims={"streamed_native": Aim("ratio", 1.3)},
        )  # fmt: skip


def run(repeat: int = 3, sizes: tuple[int, ...] = SIZES) -> list[Result]:
    """Return the figures of all ways on both servers; without clickhouse-server on this machine, of chDB alone."""
    results = []
    with lake.local_s3() as endpoint:
        for rows in sizes:
            with warehouses.folder() as folder:
                (folder / "files").mkdir()
                bucket, asked = warehouses.write_files(endpoint, rows, folder / "files")
                job = {
                    "endpoint": endpoint, "bucket": bucket, "asked": asked.model_dump_json(),
                    "folder": str(folder / "files"),
                }  # fmt: skip
                results += _on_chdb(rows, repeat, job, folder)
                if warehouses.has_clickhouse_server():
                    results += _on_clickhouse(rows, repeat, job, folder)
    return results


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    print(to_markdown(run(*given[:1], **({"sizes": tuple(given[1:])} if given[1:] else {}))))
