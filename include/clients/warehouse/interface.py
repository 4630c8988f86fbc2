"""What the pipelines ask of a warehouse; two backends answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from include.clients.warehouse.address import WarehouseAddress

if TYPE_CHECKING:
    import pyarrow as pa


class Warehouse(ABC):
    """One connection; statements bind parameters as `{name:Type}`. Not shared between threads."""

    def __init__(self, address: WarehouseAddress) -> None:
        self.address = address

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
    ) -> int:
        """Insert batches of one schema by column name, some at a time in memory; return the number of rows."""

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
