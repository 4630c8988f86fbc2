"""PostgreSQL: 619,000 prices upserted, and four moving averages of 505 symbols, beside the usual ways.

Limit of the writes: a binary COPY whose bytes are laid by hand for this one shape, and one upsert, without any check.
Each way begins with an empty table on a server of the benchmark's own. Slow ways write a
tenth, a commit for each row a hundredth.
Run: `python -m benchmarks --only postgres`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT, Aim, Result, compare, to_markdown
from benchmarks.postgres_ways import DAYS, PASSWORD, address_of
from devstack.ports import free_port
from devstack.services import base_environment
from include.clients.postgres import PostgresAddress
from include.clients.postgres.client import connect
from include.clients.postgres.migrate import migrate
from include.core.errors import DatabaseUnavailable

SYMBOLS = 505


@contextmanager
def server() -> Iterator[int]:
    """Start a PostgreSQL with a migrated database `bench`; yield its port."""
    with tempfile.TemporaryDirectory(prefix="benchmark-postgres-", ignore_cleanup_errors=True) as folder:
        port = free_port()
        command = [sys.executable, "-m", "devstack.postgres", "--data", f"{folder}/data", "--port", str(port)]
        environment = base_environment() | {
            "PATH": os.environ["PATH"],
            "TAPELINE_POSTGRES_PASSWORD": PASSWORD,
        }
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            _create(PostgresAddress("127.0.0.1", "postgres", "postgres", port, PASSWORD), process)
            migrate(address_of(port))
            yield port
        finally:
            process.terminate()
            process.wait(60)


def _create(address: PostgresAddress, process: subprocess.Popen[bytes]) -> None:
    while not _created(address):
        if process.poll() is not None:
            raise RuntimeError("PostgreSQL ended at once")
        time.sleep(0.1)


def _created(address: PostgresAddress) -> bool:
    with suppress(DatabaseUnavailable), connect(address, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bench")
        return True
    return False


def run(repeat: int = 3, sizes: tuple[int, ...] = (50, SYMBOLS)) -> list[Result]:
    """Return the figures of every job; the last size is the whole, a tenth of it is for slow ways."""
    whole, here, results = sizes[-1], "benchmarks.postgres_ways:", []
    tenth = max(whole // 10, 1)
    rows, few = f"{whole * DAYS:,}", f"{tenth * DAYS:,}"
    aim = {"tapeline": Aim("ratio", 1.15)}

    def job(title: str, names: list[str], args: dict[str, Any], **more: Any) -> None:
        ways = {name: f"{here}{name}" for name in names}
        results.extend(compare(title, ways, args, limit=names[0], repeat=repeat, **more))

    with server() as port:
        job(
            f"PostgreSQL, {rows} prices upserted into an empty table",
            ["limit", "tapeline", "copy_csv", "execute_values"],
            {"port": port, "symbols": whole}, aims=aim, once=["execute_values"],
        )  # fmt: skip
        job(
            f"PostgreSQL, {rows} prices upserted again, nothing differs", ["limit", "tapeline"],
            {"port": port, "symbols": whole, "filled": True}, aims=aim,
        )  # fmt: skip
        job(
            f"PostgreSQL, {few} prices, a tenth, upserted into an empty table",
            ["limit", "tapeline", "executemany", "to_sql"],
            {"port": port, "symbols": tenth}, once=["executemany", "to_sql"],
        )  # fmt: skip
        job(
            f"PostgreSQL, {max(tenth // 10, 1) * DAYS:,} prices, a hundredth, upserted into an empty table",
            ["limit", "tapeline", "row_by_row"],
            {"port": port, "symbols": max(tenth // 10, 1)}, once=["row_by_row"],
        )  # fmt: skip
        job(
            f"four averages of {whole} symbols, in memory",
            ["ma_limit", "ma_tapeline", "ma_pandas"],
            {"symbols": whole},
        )
        job(
            f"PostgreSQL, four averages of {whole} symbols, read and written", ["ma_written", "ma_window_sql"],
            {"port": port, "symbols": whole},
        )  # fmt: skip
    return results


if __name__ == "__main__":
    sys.stdout.write(to_markdown(run()))
