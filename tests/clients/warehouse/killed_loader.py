"""A loader that kills itself with SIGKILL right after the nth write to a table; run as a program by the tests."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from include.clients.aws import Aws
from include.clients.warehouse import Warehouse, WarehouseAddress, open_warehouse
from include.clients.warehouse.load import load_files
from include.core.contracts import CuratedFileList


def after_write(warehouse: Warehouse, table: str, then: Callable[[], None]) -> Warehouse:
    """Make the warehouse call `then` after its next write to a table (by `insert` or by a statement)."""
    insert, execute = warehouse.insert, warehouse.execute

    def inserting(name: str, *arguments: Any, **named: Any) -> int:
        rows = insert(name, *arguments, **named)
        if name.endswith(table):
            then()
        return rows

    def executing(sql: str, *arguments: Any, **named: Any) -> None:
        execute(sql, *arguments, **named)
        if "INSERT INTO" in sql and f"{table} (" in sql:
            then()

    warehouse.insert, warehouse.execute = inserting, executing  # type: ignore[method-assign]
    return warehouse


def main() -> None:
    job = json.loads(sys.argv[1])
    warehouse = open_warehouse(WarehouseAddress(**job["address"]))
    after_write(warehouse, job["table"], lambda: os.kill(os.getpid(), signal.SIGKILL))
    store = Aws(**job["aws"]).object_store(job["bucket"])
    asked = CuratedFileList.model_validate(job["asked"])
    load_files(warehouse, store, asked, correlation_id="killed", way=job["way"])


if __name__ == "__main__":
    main()
