"""Whether a warehouse answers at all is told soon, whatever a statement may take."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from typing import Any

import pytest

from include.clients.warehouse import WarehouseAddress, open_warehouse
from include.clients.warehouse.native import NativeWarehouse
from include.core.errors import WarehouseTimeout, WarehouseUnavailable

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("which", ["http_address", "native_address"])
def test_a_warehouse_that_answers(which: str, request: pytest.FixtureRequest) -> None:
    with open_warehouse(request.getfixturevalue(which)) as warehouse:
        assert warehouse.ping() is True


@pytest.mark.parametrize("which", ["http_address", "native_address"])
def test_a_connection_whose_warehouse_went_away_says_so(which: str, request: pytest.FixtureRequest) -> None:
    with open_warehouse(request.getfixturevalue(which)) as warehouse, socket.socket() as probe:
        assert warehouse.ping()
        probe.bind(("127.0.0.1", 0))
        warehouse.address = replace(warehouse.address, port=probe.getsockname()[1])
        with pytest.raises(WarehouseUnavailable):
            warehouse.ping()


def test_a_warehouse_that_hangs_is_not_waited_for_as_long_as_for_a_statement() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        address = WarehouseAddress("127.0.0.1", listener.getsockname()[1], interface="native", timeout=300)
        begun = time.monotonic()
        with pytest.raises(WarehouseTimeout):
            NativeWarehouse(address).ping(timeout=1)
        assert time.monotonic() - begun < 60


def test_a_ping_does_not_disturb_a_connection_in_use(http_address: WarehouseAddress) -> None:
    with open_warehouse(http_address) as warehouse:
        one: Any = warehouse.query("SELECT 1 AS one").to_pylist()
        assert warehouse.ping()
        assert warehouse.query("SELECT 1 AS one").to_pylist() == one
