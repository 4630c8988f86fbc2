"""What the pipelines ask of a warehouse; two backends answer."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from include.clients.warehouse.address import WarehouseAddress

if TYPE_CHECKING:
    import pyarrow as pa

PING_SECONDS = 5


class Warehouse(ABC):
    """One connection; statements bind parameters as `{name:Type}`. Not shared between threads."""

    def __init__(self, address: WarehouseAddress) -> None:
        self.address = address
        self._version: tuple[int, ...] | None = None

    @property
    def version(self) -> tuple[int, ...]:
        """The server's version, for instance (26, 9); it is asked once."""
        if self._version is None:
            text = str(self.query("SELECT version() AS version").to_pylist()[0]["version"])
            self._version = tuple(int(number) for number in re.findall(r"\d+", text)[:2])
        return self._version

    def ping(self, timeout: int = PING_SECONDS) -> bool:
        """Return True where the warehouse answers a query, by a connection of its own.

        Raises `WarehouseUnavailable` or `WarehouseTimeout` where it does not within some seconds, and says so
        sooner than a statement that may take long.
        """
        with open_warehouse(replace(self.address, timeout=min(timeout, self.address.timeout))) as other:
            return len(other.query("SELECT 1 AS one")) == 1

    @property
    def reads_s3(self) -> bool:
        """Whether the server may read our buckets itself."""
        return self.address.s3_access == "server"

    @abstractmethod
    def execute(
        self, sql: str, params: Mapping[str, Any] | None = None, *, settings: Mapping[str, Any] | None = None
    ) -> None:
        """Run a statement without an answer."""

    @abstractmethod
    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """Return the answer of a query as an Arrow table."""

    @abstractmethod
    def insert(
        self,
        table: str,
        batches: Iterable[pa.RecordBatch],
        *,
        settings: Mapping[str, Any] | None = None,
        exact: bool = False,
    ) -> int:
        """Insert batches of one schema by column name, some at a time in memory; return the number of rows.

        `exact`: columns may be of any type and have nulls, and every value (NaN too) arrives as it is, even
        where the backend has a faster way for plain columns.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_warehouse(address: WarehouseAddress) -> Warehouse:
    """Return the backend of the address's interface."""
    if address.interface == "native":
        from include.clients.warehouse.native import NativeWarehouse

        return NativeWarehouse(address)
    from include.clients.warehouse.http import HttpWarehouse

    return HttpWarehouse(address)
