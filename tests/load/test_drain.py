"""A queue is emptied into the warehouse, and its messages are deleted only then."""

from __future__ import annotations

import pytest

from tests.load.loads import Loads, bars

pytestmark = pytest.mark.integration


def test_files_are_loaded_and_their_messages_deleted(loads: Loads) -> None:
    for n in range(7):
        loads.put(bars(f"S{n}"), f"part-{n:03d}.parquet")
    counts = loads.drain()
    assert (counts.loaded, counts.skipped, counts.rows, counts.letters) == (7, 0, 7, 0)
    assert loads.symbols() == [f"S{n}" for n in range(7)]
    assert loads.is_empty()
