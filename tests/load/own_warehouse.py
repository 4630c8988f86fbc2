"""A warehouse process that a test may kill and start again, and warehouses with a fault."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.clients.warehouse import Warehouse, WarehouseAddress, open_warehouse

REPOSITORY = Path(__file__).parents[2]


class OwnWarehouse:
    """The local warehouse's process, on a port of its own that stays the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [
            sys.executable, "-m", "devstack.warehouse", "--data", str(self.folder), "--port", str(self.port),
        ]  # fmt: skip
        self._process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert "listening on" in line
        self.port = int(line.rsplit(":", 1)[1])

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    @property
    def address(self) -> WarehouseAddress:
        return WarehouseAddress("127.0.0.1", self.port, timeout=30)

    def open(self) -> Warehouse:
        return open_warehouse(self.address)


def refusing(
    opened: Callable[[], Warehouse], table: str, refuse: Callable[[list[pa.RecordBatch]], None]
) -> Callable[[], Warehouse]:
    """Return what opens warehouses that show `refuse` the rows of each INSERT into the table before they take them."""

    def open_one() -> Warehouse:
        warehouse = opened()
        insert = warehouse.insert

        def inserting(name: str, batches: Iterable[pa.RecordBatch], **named: Any) -> int:
            held = list(batches)
            if name.endswith(f"{table}_rows"):
                refuse(held)
            return insert(name, held, **named)

        warehouse.insert = inserting  # type: ignore[method-assign]
        return warehouse

    return open_one


def before_rows(
    opened: Callable[[], Warehouse], table: str, then: Callable[[], None]
) -> Callable[[], Warehouse]:
    """Return what opens warehouses that call `then` before each INSERT of rows into the table."""
    return refusing(opened, table, lambda _: then())


def process_environment() -> dict[str, str]:
    """Return the environment of a process that works in this repository."""
    return os.environ | {"PYTHONPATH": str(REPOSITORY)}
