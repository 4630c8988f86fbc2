"""The load's metrics, seed 002 "Key Metrics": namespace Tapeline/Load, dimensions Environment and Domain."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from include.clients.metrics import Metrics
from include.clients.queues import Queue
from include.core.errors import TapelineError

log = logging.getLogger(__name__)
NAMESPACE = "Tapeline/Load"
_SELDOM = 30.0
"""Seconds; some ten thousand latencies."""


@dataclass
class Counts:
    """What a run did."""

    loaded: int = 0
    """Files whose content was new."""
    skipped: int = 0
    """Messages about files whose content was loaded already."""
    rows: int = 0
    """Rows of the loaded files."""
    letters: int = 0
    """Messages that went to the dead-letter queue."""

    @property
    def messages(self) -> int:
        """Messages that were handled to their end."""
        return self.loaded + self.skipped + self.letters


@dataclass
class LoadMetrics:
    """Publishes one run's metrics; a failure is a warning and nothing else."""

    client: Any
    """A boto3 CloudWatch client."""
    environment: str
    domain: str
    _metrics: Metrics = field(init=False)
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self._metrics = Metrics(self.client, NAMESPACE)
        self._next = time.monotonic() + _SELDOM

    def add_latencies(self, sent: Iterable[datetime], visible: datetime) -> None:
        """Keep `ProcessingLatency` of each message: from its arrival in the queue to its visible rows."""
        for arrived in sent:
            self._add("ProcessingLatency", max(0.0, (visible - arrived).total_seconds()), "Seconds")

    def publish_due(self) -> None:
        """Send what was kept, but seldom: each call may wait for a service that does not answer."""
        if time.monotonic() >= self._next:
            self._metrics.flush()
            self._next = time.monotonic() + _SELDOM

    def publish_run(self, counts: Counts, queue: Queue, dlq: Queue) -> None:
        """Send what became of the run's messages, where it had any, and what waits now."""
        if counts.messages:
            errors = 100 * counts.letters / counts.messages
            self._add("ErrorRate", errors, "Percent")
            self._add("SuccessRate", 100 - errors, "Percent")
        try:
            self._add("QueueDepth", queue.depth().visible, "Count")
            self._add("DLQCount", dlq.depth().total, "Count")
        except TapelineError as error:
            log.warning("the depth of %s is not known: %s", queue.name, error)
        self._metrics.flush()

    def _add(self, name: str, value: float, unit: str) -> None:
        self._metrics.add(name, value, unit=unit, Environment=self.environment, Domain=self.domain)
