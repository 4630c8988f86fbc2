"""Seed 002, "Core Test Scenarios": performance (2): load handling, resource management."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Sequence

import pytest

from include.load.drain import WAVE_MESSAGES
from include.load.heartbeat import Heartbeat
from tests.load.loads import Loads, bars

pytestmark = pytest.mark.integration


def _bodies(loads: Loads, keys: Sequence[str]) -> list[str]:
    said = {"bucket": loads.store.bucket, "domain": "market"}
    return [json.dumps({**said, "key": key, "correlation_id": f"c-{n}"}) for n, key in enumerate(keys)]


def test_performance_1_load_handling_a_burst_of_200_files_is_visible_within_half_a_minute(
    loads: Loads,
) -> None:
    files = {loads.key(f"part-{n:03d}.parquet"): bars(f"S{n:03d}") for n in range(200)}
    loads.store.write_many(files.items())
    loads.send_many(_bodies(loads, list(files)))
    started = time.monotonic()
    counts = loads.drain()
    assert time.monotonic() - started < 30  # 4.7 s on two idle cores
    assert (counts.loaded, counts.rows, counts.letters) == (200, 200, 0)
    assert loads.symbols() == [f"S{n:03d}" for n in range(200)]
    assert loads.is_empty()


def test_performance_2_resource_management_memory_is_a_waves_however_many_messages_wait(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [loads.put(bars(f"S{n}"), f"part-{n:03d}.parquet") for n in range(20)]
    assert loads.drain().loaded == 20
    held: list[int] = []
    hold = Heartbeat.hold
    monkeypatch.setattr(
        Heartbeat, "hold", lambda self, messages: (hold(self, messages), held.append(len(self.held)))
    )

    def peak(times: int) -> int:
        loads.send_many(_bodies(loads, keys * times))
        tracemalloc.start()
        try:
            assert loads.drain().skipped == len(keys) * times
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    one_wave = peak(10)
    assert peak(100) < 2 * one_wave  # ten waves
    assert max(held) == WAVE_MESSAGES
    assert loads.is_empty()
