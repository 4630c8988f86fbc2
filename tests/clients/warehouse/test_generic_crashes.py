"""Tables of any columns: loaders that are killed or run at once leave the same rows as one undisturbed load."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pyarrow as pa
import pytest

from include.core.contracts import CuratedFile

pytestmark = pytest.mark.integration
Kill = Callable[..., None]
STEPS = ["CREATE TABLE IF NOT EXISTS", "VIEW", "load_claims", "orders_rows", "load_audit_rows"]


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, nothing is written after it."""


def killed_after(loads: Any, step: str, file: CuratedFile) -> None:
    """Load the file by a loader that dies right after its first statement or insert that has `step`."""
    warehouse = loads.open()
    insert, execute = warehouse.insert, warehouse.execute

    def inserting(name: str, *arguments: Any, **named: Any) -> int:
        rows = int(insert(name, *arguments, **named))
        if step in name:
            raise Killed
        return rows

    def executing(sql: str, *arguments: Any, **named: Any) -> None:
        execute(sql, *arguments, **named)
        if step in sql and "orders_rows" in sql:  # not the migrations
            raise Killed

    warehouse.insert, warehouse.execute = inserting, executing
    with pytest.raises(Killed):
        loads.load(file, warehouse=warehouse)


@pytest.mark.parametrize("step", STEPS)
def test_a_loader_killed_after_any_step_is_made_good_by_the_next(orders: Any, step: str) -> None:
    file = orders.put(id=[1, 2, 3])
    killed_after(orders, step, file)
    orders.load(file)
    assert orders.shown("id") == [(1,), (2,), (3,)]
    assert orders.audit() == [(file.key, file.etag, 3)]


@pytest.mark.parametrize("kill_loader_after", ["load_claims", "orders_rows", "load_audit_rows"])
def test_a_process_killed_by_sigkill_too(http_orders: Any, kill_loader: Kill, kill_loader_after: str) -> None:
    file = http_orders.put(id=[1, 2, 3])
    kill_loader(http_orders, file, kill_loader_after)
    http_orders.load(file)
    assert http_orders.shown("id") == [(1,), (2,), (3,)]


@pytest.mark.parametrize("step", ["load_claims", "orders_rows", "load_audit_rows"])
def test_until_a_correction_is_whole_readers_see_all_of_the_old_content(orders: Any, step: str) -> None:
    orders.load(orders.put(id=[1, 2, 3]))
    corrected = orders.put(id=[7, 8])
    killed_after(orders, step, corrected)
    assert orders.shown("id") == [(1,), (2,), (3,)]
    orders.load(corrected)
    assert orders.shown("id") == [(7,), (8,)]


@pytest.mark.parametrize("step", ["ADD COLUMN", "MODIFY COLUMN", "VIEW"])
def test_a_loader_killed_while_it_alters_is_made_good_by_the_next(orders: Any, step: str) -> None:
    orders.load(orders.put(0, id=pa.array([1], pa.int32())))
    killed_after(orders, step, orders.put(1, id=[2**40], note=["x"]))
    # even by one that needs no change itself
    orders.load(orders.put(2, id=pa.array([3], pa.int32())))
    assert orders.shown("id") == [(1,), (3,)]
    present = orders.query(
        f"SELECT name FROM system.columns WHERE database = '{orders.domain}' AND table = 'orders_rows' "
        "AND substring(name, 1, 1) != '_'"
    )
    assert sorted(row["name"] for row in present) == sorted(orders.types())
    orders.load(orders.put(1, id=[2**40], note=["x"]))
    assert orders.shown("id", "note") == [(1, None), (3, None), (2**40, "x")]


def test_loaders_that_alter_at_once_all_succeed(orders: Any) -> None:
    kinds = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
    files = [
        orders.put(part, id=pa.array([part], kinds[part]), **{f"c{part}": [str(part)], "common": [part]})
        for part in range(4)
    ]
    start = Barrier(4)

    def load(file: CuratedFile) -> None:
        start.wait()
        orders.load(file)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(load, files))
    orders.load(*files)  # whoever was last to look has made the view
    assert orders.shown("id", "c0", "c1", "c2", "c3", "common") == [
        (n, *("0123"[n] if n == c else None for c in range(4)), n) for n in range(4)
    ]


@pytest.mark.parametrize("step", ["ADD COLUMN", "MODIFY COLUMN", "VIEW", "DROP TABLE"])
def test_a_loader_whose_change_another_made_just_before_goes_on(orders: Any, step: str) -> None:
    orders.load(orders.put(0, id=pa.array([1], pa.int32())))
    mine, theirs = orders.put(1, id=[2**40], note=["x"]), orders.put(2, id=[2**41], note=["y"])
    warehouse, overtaken = orders.open(), []
    execute = warehouse.execute

    def executing(sql: str, *arguments: Any, **named: Any) -> None:
        if step in sql and not overtaken:
            overtaken.append(True)
            orders.load(theirs)
        execute(sql, *arguments, **named)

    warehouse.execute = executing
    orders.load(mine, warehouse=warehouse)
    assert overtaken or (step == "DROP TABLE" and orders.address.interface == "http")
    orders.load(mine, theirs)
    assert orders.shown("id", "note") == [(1, None), (2**40, "x"), (2**41, "y")]


def test_two_loaders_of_one_file_at_once_show_each_row_once(orders: Any) -> None:
    file = orders.put(id=list(range(500)))
    start = Barrier(3)

    def load(_: int) -> None:
        start.wait()
        orders.load(file)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(load, range(3)))
    assert orders.shown("id") == [(number,) for number in range(500)]


@pytest.mark.parametrize("step", ["load_claims", "orders_rows"])
def test_a_loader_overtaken_by_a_correction_does_not_hide_it(orders: Any, step: str) -> None:
    orders.load(orders.put(5, id=[0]))  # the table is there
    old = orders.put(id=[1, 2, 3])
    warehouse = orders.open()
    insert, overtaken = warehouse.insert, []

    def inserting(name: str, *arguments: Any, **named: Any) -> int:
        if name.endswith(step) and not overtaken:
            overtaken.append(True)
            orders.load(orders.put(id=[9]))
        return int(insert(name, *arguments, **named))

    warehouse.insert = inserting
    orders.load(old, warehouse=warehouse)
    assert overtaken
    assert orders.shown("id") == [(0,), (9,)]
