"""The local warehouse: chDB owned by one process that answers ClickHouse's HTTP interface on loopback."""

from devstack.warehouse.engine import Engine, EngineLimits, WarehouseNotStarted
from devstack.warehouse.server import Credentials, WarehouseServer, serve

__all__ = ["Credentials", "Engine", "EngineLimits", "WarehouseNotStarted", "WarehouseServer", "serve"]
