"""Seed 002, "Core Test Scenarios": error handling (4): retry logic, memory, DLQ routing, timeout handling."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from include.core.errors import WarehouseOutOfMemory, WarehouseTimeout, WarehouseUnavailable
from include.load.batches import FEWER_ROWS
from tests.load.loads import Loads, bars
from tests.load.own_warehouse import before_rows, refusing

pytestmark = pytest.mark.integration
FAR = pa.array([2**40] * 1, pa.timestamp("s", "UTC"))


@pytest.mark.parametrize(
    ("error", "code"), [(WarehouseTimeout("slow"), "E004"), (WarehouseUnavailable("busy"), "E005")]
)
def test_error_handling_1_retry_logic_what_fails_while_the_warehouse_answers_is_tried_three_times(
    make_loads: Callable[..., Loads], error: Exception, code: str
) -> None:
    loads = make_loads()
    key = loads.put(bars("NEVER"))
    tries, slept = [], []

    def fail() -> None:
        tries.append(code)
        raise error

    loads.open_warehouse = before_rows(loads.open_warehouse, loads.name, fail)
    assert loads.drain(sleep=slept.append).letters == 1
    assert (len(tries), slept) == (3, [2, 4])
    (letter,) = loads.letters()
    assert (letter.key, letter.code, letter.attempts, letter.message) == (key, code, 3, str(error))


def _memory_for(rows: int) -> Callable[[list[pa.RecordBatch]], None]:
    def refuse(batches: list[pa.RecordBatch]) -> None:
        if sum(batch.num_rows for batch in batches) > rows:
            raise WarehouseOutOfMemory("Code: 241. MEMORY_LIMIT_EXCEEDED")

    return refuse


def test_error_handling_2_memory_the_second_attempt_takes_smaller_batches(loads: Loads) -> None:
    big = loads.put(bars(*(f"S{n}" for n in range(3 * FEWER_ROWS))), "big.parquet")
    slept: list[float] = []
    opened = loads.open_warehouse
    loads.open_warehouse = refusing(opened, loads.name, _memory_for(FEWER_ROWS))
    assert loads.drain(sleep=slept.append).loaded == 1
    assert slept == [5]
    assert len(loads.symbols()) == 3 * FEWER_ROWS
    loads.store.write(big, bars("A", "B"))
    loads.announce(big)
    loads.open_warehouse = refusing(opened, loads.name, _memory_for(0))
    loads.drain(sleep=lambda _: None)
    (letter,) = loads.letters()
    assert (letter.key, letter.code, letter.attempts) == (big, "E006", 2)


def test_error_handling_3_dlq_routing_each_bad_file_gets_its_code_and_harms_no_other(loads: Loads) -> None:
    good = bars("GOOD")
    expected = {
        loads.put(b"", "empty.parquet"): "E002",
        loads.put(b"no Parquet at all" * 200, "text.parquet"): "E002",
        loads.put(good[: len(good) // 2], "cut-in-half.parquet"): "E003",
        loads.put(good[:-1], "cut-at-the-end.parquet"): "E003",
        loads.put(good[:2000] + bytes(400) + good[2400:], "holes.parquet"): "E003",
        loads.put(bars("T", volume=pa.array(["many"])), "type.parquet"): "E003",
        loads.put(bars("N", open=pa.array([None], pa.float64())), "hole.parquet"): "E003",
        loads.put(bars("F", timestamp=FAR), "year-36812.parquet"): "E003",
    }
    gone = loads.put(good, "gone.parquet")
    loads.store.delete(gone)
    expected[gone] = "E007"
    for n in range(6):
        loads.put(bars(f"S{n}"), f"part-{n:03d}.parquet")
    counts = loads.drain()
    assert loads.codes() == expected
    assert loads.symbols() == [f"S{n}" for n in range(6)]
    assert (counts.loaded, counts.rows, counts.letters) == (6, 6, len(expected))
    assert loads.is_empty()


def test_error_handling_4_timeout_a_file_slower_than_its_visibility_goes_to_no_other_loader(
    make_loads: Callable[..., Loads],
) -> None:
    loads = make_loads(visibility_seconds=2)
    loads.put(bars("SLOW"))
    began, other_is_done = threading.Event(), threading.Event()

    def hold_up() -> None:
        began.set()
        assert other_is_done.wait(60)

    def other_loader() -> None:
        assert began.wait(60)
        other.append(loads.queue.receive(10, visibility_seconds=2, wait_seconds=6))
        other_is_done.set()

    other: list[list[Any]] = []
    loads.open_warehouse = before_rows(loads.open_warehouse, loads.name, hold_up)
    thread = threading.Thread(target=other_loader)
    thread.start()
    counts = loads.drain()
    thread.join()
    assert other == [[]]
    assert (counts.loaded, loads.symbols(), loads.is_empty()) == (1, ["SLOW"], True)
