"""Redrive in a process that dies by SIGKILL: `python killed_redrive.py POINT JOB`, JOB as JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import datetime
from typing import Any

from include.clients.aws import Aws
from include.clients.queues import Queue
from include.redrive.config import RedriveRequest
from include.redrive.redrive import redrive_letters


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


POINTS = {"while looking": "hide", "before the send": "send", "between send and delete": "delete"}
"""The call of a queue at which the process dies."""


def main() -> None:
    """Die at the point; in the middle of the letters where it is not the first call."""
    point, job = sys.argv[1], json.loads(sys.argv[2])
    name = POINTS[point]
    whole, left = getattr(Queue, name), [job["calls"]]

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        return whole(*args, **kwargs) if left[0] > 0 else die()

    setattr(Queue, name, wrapped)
    redrive_letters(
        RedriveRequest(**job["request"]),
        aws=Aws(**job["aws"]),
        environment=job["environment"],
        now=datetime.fromisoformat(job["now"]),
        visibility_seconds=job["visibility_seconds"],
    )


if __name__ == "__main__":
    main()
