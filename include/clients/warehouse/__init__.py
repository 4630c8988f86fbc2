"""The warehouse: ClickHouse, over its native protocol or over HTTP (which chDB answers locally)."""

from include.clients.warehouse.address import WarehouseAddress, address_from
from include.clients.warehouse.interface import Warehouse, open_warehouse

__all__ = ["Warehouse", "WarehouseAddress", "address_from", "open_warehouse"]
