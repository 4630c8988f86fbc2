"""Loaders that are killed, that run at once and that come late: same rows as one undisturbed load."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from include.core.contracts import CuratedFile
from include.core.errors import ObjectChanged

pytestmark = pytest.mark.integration
Make = Callable[..., list[tuple[Any, ...]]]
Kill = Callable[..., None]
STEPS = ["load_claims", "prices_rows", "load_audit_rows"]


@pytest.mark.parametrize("step", STEPS)
def test_a_loader_killed_after_any_step_is_made_good_by_the_next(
    loads: Any, make_rows: Make, kill_loader: Kill, step: str
) -> None:
    rows = make_rows("AAPL", "IBM")
    file = loads.write(rows)
    kill_loader(loads, file, step)
    loads.load(file)
    assert loads.rows() == rows
    assert loads.audit() == [(file.key, file.etag, 2)]


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_correction_is_made_good_by_the_next(
    http_loads: Any, make_rows: Make, kill_loader: Kill, step: str
) -> None:
    http_loads.load(http_loads.write(make_rows("AAPL", "IBM")))
    corrected = make_rows("IBM", price=77.0)
    file = http_loads.write(corrected)
    kill_loader(http_loads, file, step)
    http_loads.load(file)
    assert http_loads.rows() == corrected


def test_rows_of_a_killed_load_vanish_with_the_next_content(
    loads: Any, make_rows: Make, kill_loader: Kill
) -> None:
    # the killed loader never audited its content, and that content never comes again
    kill_loader(loads, loads.write(make_rows("AAPL", "IBM", "MSFT")), "prices_rows")
    rows = make_rows("AAPL", price=20.0)
    loads.load(loads.write(rows))
    assert loads.rows() == rows


def test_two_loaders_of_one_file_at_once_show_each_row_once(loads: Any, make_rows: Make) -> None:
    rows = make_rows("AAPL", "IBM", "MSFT", days=50)
    file = loads.write(rows)
    loads.load()  # the tables are there, so that the race is about rows
    start = Barrier(4)

    def load(_: int) -> None:
        start.wait()
        loads.load(file)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(load, range(4)))
    assert loads.rows() == sorted(rows)
    assert loads.audit() == [(file.key, file.etag, 150)]


def test_first_loaders_at_once_both_find_their_tables(http_loads: Any, make_rows: Make) -> None:
    files = [http_loads.write(make_rows(f"S{n}"), part=n) for n in range(4)]
    start = Barrier(4)

    def load(file: CuratedFile) -> None:
        start.wait()
        http_loads.load(file)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(load, files))
    assert [row[0] for row in http_loads.rows()] == ["S0", "S1", "S2", "S3"]


@pytest.mark.parametrize("step", STEPS[:2])
def test_a_loader_overtaken_by_a_correction_does_not_hide_it(loads: Any, make_rows: Make, step: str) -> None:
    old = loads.write(make_rows("AAPL", "IBM"))
    corrected = make_rows("AAPL", price=30.0)
    warehouse = loads.open()
    overtake = _once(lambda: loads.load(loads.write(corrected)))
    _before_write(warehouse, step, overtake)
    loads.load(old, warehouse=warehouse)
    assert loads.rows() == corrected


def test_a_file_written_anew_while_the_server_reads_it_is_read_again(
    http_loads: Any, make_rows: Make
) -> None:
    http_loads.way = "server"
    old = http_loads.write(make_rows("AAPL", "IBM"))
    corrected = make_rows("AAPL", price=30.0)
    warehouse = http_loads.open()
    _before_write(warehouse, "prices_rows", _once(lambda: http_loads.write(corrected)))
    http_loads.load(old, warehouse=warehouse)
    assert http_loads.rows() == corrected


def test_a_file_that_never_comes_to_rest_is_left_to_a_later_try(http_loads: Any, make_rows: Make) -> None:
    http_loads.way = "server"
    file = http_loads.write(make_rows("AAPL"))
    prices = iter(range(20, 40))
    warehouse = http_loads.open()
    _before_write(warehouse, "prices_rows", lambda: http_loads.write(make_rows("AAPL", price=next(prices))))
    with pytest.raises(ObjectChanged, match="again and again"):
        http_loads.load(file, warehouse=warehouse)
    assert http_loads.audit() == []


def _once(call: Callable[[], Any]) -> Callable[[], None]:
    calls = [call]
    return lambda: calls.pop()() if calls else None


def _before_write(warehouse: Any, table: str, first: Callable[[], None]) -> None:
    """Make the warehouse call `first` before each write to a table."""
    insert, execute = warehouse.insert, warehouse.execute

    def inserting(name: str, *arguments: Any, **named: Any) -> int:
        if name.endswith(table):
            first()
        return int(insert(name, *arguments, **named))

    def executing(sql: str, *arguments: Any, **named: Any) -> None:
        if "INSERT INTO" in sql and f"{table} (" in sql:
            first()
        execute(sql, *arguments, **named)

    warehouse.insert, warehouse.execute = inserting, executing
