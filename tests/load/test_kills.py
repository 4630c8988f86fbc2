"""A loader killed with SIGKILL after any of its steps is followed by one that ends the work: nothing lost or doubled."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from devstack.stack import Stack
from include.core.domains import domains
from include.orchestration import connections
from tests.load.loads import Loads, bars
from tests.load.own_warehouse import REPOSITORY, process_environment

pytestmark = pytest.mark.integration
VISIBILITY = 3
POINTS = {
    "received": ("queue", "receive", ""),
    "rows written": ("warehouse", "insert", "_rows"),
    "audited": ("warehouse", "insert", "load_audit_rows"),
    "letter written": ("dlq", "send", ""),
    "message deleted": ("queue", "delete", ""),
}


@dataclasses.dataclass
class Killed:
    """Loads whose loader died at a point, and its message that cannot be loaded."""

    loads: Loads
    gone: str
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="module")
def killed(local: Stack) -> Iterator[dict[str, Killed]]:
    """A loader for each point, all at once; each has died when this returns."""
    found = {
        name: _begin(Loads(local.aws(), connections.warehouse, domains()["market"]), name) for name in POINTS
    }
    try:
        for one in found.values():
            one.process.wait(120)
        yield found
    finally:
        for one in found.values():
            one.process.kill()
            one.process.wait()


def _begin(loads: Loads, point: str) -> Killed:
    gone = loads.put(bars("GONE"), "gone.parquet")
    loads.store.delete(gone)
    for n in range(4):
        loads.put(bars(f"S{n}", f"T{n}"), f"part-{n:03d}.parquet")
    with loads.open_warehouse() as warehouse:
        address = dataclasses.asdict(warehouse.address)
    job = {
        "aws": dataclasses.asdict(loads.aws), "queue": loads.queue.name, "dlq": loads.dlq.name,
        "bucket": loads.store.bucket, "address": address, "point": POINTS[point],
        "visibility_seconds": VISIBILITY,
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.load.killed_drain", json.dumps(job)]
    return Killed(loads, gone, subprocess.Popen(command, cwd=REPOSITORY, env=process_environment()))


@pytest.mark.parametrize("point", POINTS)
def test_the_next_loader_ends_what_a_killed_one_began(killed: dict[str, Killed], point: str) -> None:
    loads, gone = killed[point].loads, killed[point].gone
    assert killed[point].process.returncode == -signal.SIGKILL
    assert not loads.is_empty()
    while not loads.is_empty():
        loads.drain(linger_seconds=1)
    assert loads.symbols() == sorted(f"{letter}{n}" for letter in "ST" for n in range(4))
    letters = loads.letters()
    assert {(letter.key, letter.code) for letter in letters} == {(gone, "E007")}
    assert len(letters) == (2 if point == "letter written" else 1)  # the same letter twice, never none
