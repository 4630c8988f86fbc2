"""An outage is nobody's fault: no file is blamed, no message is lost, none is received in vain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from include.core.errors import WarehouseTimeout
from include.load.outage import ServiceAway
from tests.load.loads import Loads, bars
from tests.load.own_warehouse import OwnWarehouse, before_rows

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnWarehouse]:
    process = OwnWarehouse(tmp_path_factory.mktemp("chdb"))
    process.start()
    yield process
    process.kill()


@pytest.fixture
def warehouse(process: OwnWarehouse) -> Iterator[OwnWarehouse]:
    """The warehouse's process; it runs again afterwards."""
    yield process
    process.kill()
    process.start()


@pytest.fixture
def loads(make_loads: Callable[..., Loads], warehouse: OwnWarehouse) -> Loads:
    loads = make_loads()
    loads.open_warehouse = warehouse.open
    return loads


def _times_received(loads: Loads) -> list[int]:
    found = [message for _ in range(3) for message in loads.queue.receive(10, visibility_seconds=60)]
    loads.queue.hide(found, 0)
    return [message.received for message in found]


def test_a_restart_of_the_warehouse_costs_nobody_an_attempt(loads: Loads, warehouse: OwnWarehouse) -> None:
    for n in range(12):
        loads.put(bars(f"S{n:02d}"), f"part-{n:03d}.parquet")
    killed = threading.Event()

    def kill_once() -> None:
        if not killed.is_set():
            killed.set()
            warehouse.kill()
            threading.Timer(2, warehouse.start).start()

    loads.open_warehouse = before_rows(warehouse.open, loads.name, kill_once)
    # attempts that are counted would be over long before it is back
    counts = loads.drain(outage_seconds=60, sleep=lambda _: time.sleep(0.05))
    assert killed.is_set()
    assert (counts.loaded, counts.letters) == (12, 0)
    assert loads.symbols() == [f"S{n:02d}" for n in range(12)]
    assert loads.is_empty()


def test_messages_are_given_back_at_once_where_the_warehouse_stays_away(
    loads: Loads, warehouse: OwnWarehouse
) -> None:
    for n in range(3):
        loads.put(bars(f"S{n}"), f"part-{n:03d}.parquet")
    loads.open_warehouse = before_rows(warehouse.open, loads.name, warehouse.kill)
    with pytest.raises(ServiceAway, match="No file was blamed"):
        loads.drain(outage_seconds=1)
    assert loads.queue.depth().visible == 3
    assert loads.letters() == []
    assert _times_received(loads) == [2, 2, 2]  # by that run, and by this look


def test_no_message_is_received_while_the_warehouse_is_away(loads: Loads, warehouse: OwnWarehouse) -> None:
    loads.put(bars("LATE"))
    warehouse.kill()
    with pytest.raises(ServiceAway):
        loads.drain(outage_seconds=0)
    assert _times_received(loads) == [1]  # by this look alone


def test_an_empty_queue_needs_no_warehouse(loads: Loads, warehouse: OwnWarehouse) -> None:
    warehouse.kill()
    started = time.monotonic()
    assert loads.drain().messages == 0
    assert time.monotonic() - started < 30


def test_what_goes_well_the_third_time_is_loaded(make_loads: Callable[..., Loads]) -> None:
    loads = make_loads()
    loads.put(bars("THIRD"))
    faults = [WarehouseTimeout("slow"), WarehouseTimeout("slow")]

    def fail_twice() -> None:
        if faults:
            raise faults.pop()

    loads.open_warehouse = before_rows(loads.open_warehouse, loads.name, fail_twice)
    assert loads.drain(sleep=lambda _: None).loaded == 1
    assert (loads.symbols(), loads.letters()) == (["THIRD"], [])
