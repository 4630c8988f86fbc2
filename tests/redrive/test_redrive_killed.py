"""A redrive that is killed with SIGKILL loses no letter; what it did twice is there twice at most."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.redrive.killed_redrive import POINTS
from tests.redrive.office import NOW, Office, taken

pytestmark = pytest.mark.integration
REPOSITORY = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("killed_redrive.py")
LETTERS = 12
HIDDEN_SECONDS = 4


def kill_a_redrive(office: Office, point: str, calls: int) -> None:
    job = {
        "request": {"queue": "load_market", "dry_run": False},
        "aws": asdict(office.aws),
        "environment": office.environment,
        "now": NOW.isoformat(),
        "visibility_seconds": HIDDEN_SECONDS,
        "calls": calls,
    }
    done = subprocess.run(
        [sys.executable, str(SCRIPT), point, json.dumps(job)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def wait_until_visible(office: Office, letters: int) -> None:
    deadline = time.monotonic() + 60
    while office.dlq().depth().visible < letters:
        assert time.monotonic() < deadline, "the killed redrive's letters did not come back"
        time.sleep(0.1)


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_redrive_loses_nothing(office: Office, point: str) -> None:
    keys = [f"k{number:02}" for number in range(LETTERS)]
    for key in keys:
        office.put(key=key, original_body=json.dumps({"key": key}))
    calls = 1 if point == "while looking" else 5
    kill_a_redrive(office, point, calls)
    sent = {"while looking": 0, "before the send": 4, "between send and delete": 5}[point]
    left = {"while looking": 12, "before the send": 8, "between send and delete": 8}[point]
    assert office.queue().depth().total == sent
    assert office.dlq().depth().total == left
    wait_until_visible(office, left)

    assert office.redrive() == {"found": left, "chosen": left, "redriven": left}
    found = Counter(json.loads(message.body)["key"] for message in taken(office.queue()))
    assert sorted(found) == keys
    assert found.total() == LETTERS + (point == "between send and delete")
    assert office.dlq().depth().total == 0
