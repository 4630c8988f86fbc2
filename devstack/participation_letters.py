"""Dead letters of a simulated contest: how requests become some, and how they come back."""

from __future__ import annotations

import logging
import time

from devstack.participation_faults import SimulationFailed
from include.clients.aws import Aws
from include.clients.queues import Queue
from include.core.clock import utc_now
from include.redrive import redrive
from include.redrive.config import RedriveRequest

SECONDS = 60


def make_letters(queue: Queue, dlq: Queue, count: int) -> None:
    """Take the queue's messages again and again, as workers do that die on them, until `count` are dead letters."""
    before, deadline = dlq.depth().total, time.monotonic() + SECONDS
    while dlq.depth().total < before + count:
        if time.monotonic() > deadline:
            raise SimulationFailed(
                f"{count} messages did not become dead letters in {SECONDS} s. Does another worker take from "
                f"{queue.name}?"
            )
        queue.hide(queue.receive(10, visibility_seconds=SECONDS), 0)


def send_back(aws: Aws, environment: str) -> int:
    """Send all dead letters of the queue back, as the DAG `dlq_redrive` does; return how many."""
    asked, told = RedriveRequest(queue="participation", dry_run=False), redrive.log.level
    redrive.log.setLevel(logging.WARNING)  # its table is for the log of a task
    try:
        return redrive.redrive_letters(asked, aws=aws, environment=environment, now=utc_now())["redriven"]
    finally:
        redrive.log.setLevel(told)
