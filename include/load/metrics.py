"""The load's metrics, seed 002 "Key Metrics": namespace Tapeline/Load, dimensions Environment and Domain."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from include.clients.metrics import Metrics
from include.clients.queues import Queue
from include.core.errors import TapelineError

log = logging.getLogger(__name__)
NAMESPACE = "Tapeline/Load"


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

    def __post_init__(self) -> None:
        self._metrics = Metrics(self.client, NAMESPACE)

    def publish_latencies(self, sent: Iterable[datetime], visible: datetime) -> None:
        """Send `ProcessingLatency` of each message: from its arrival in the queue to its visible rows."""
        for arrived in sent:
            self._add("ProcessingLatency", max(0.0, (visible - arrived).total_seconds()), "Seconds")
        self._metrics.flush()

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
