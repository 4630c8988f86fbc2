"""CloudWatch metrics, sent in batches; a metric that cannot be sent is a warning and nothing else."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.core.clock import utc_now

log = logging.getLogger(__name__)
BATCH = 500
"""PutMetricData takes 1,000 metrics and 1 MB a call."""


@dataclass
class Metrics:
    """Collects metrics of one namespace; `flush` sends them."""

    client: Any
    """A boto3 CloudWatch client."""
    namespace: str
    _data: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        name: str,
        value: float,
        *,
        unit: str = "Count",
        at: datetime | None = None,
        **dimensions: str,
    ) -> None:
        """Keep one value for the next flush; `dimensions` are CloudWatch's, for instance `Domain="market"`."""
        self._data.append(
            {
                "MetricName": name,
                "Value": float(value),
                "Unit": unit,
                "Timestamp": at or utc_now(),
                "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
            }
        )

    def flush(self) -> None:
        """Send what was kept. Never raises for the service's sake: metrics do not break work."""
        data, self._data = self._data, []
        try:
            for first in range(0, len(data), BATCH):
                self.client.put_metric_data(Namespace=self.namespace, MetricData=data[first : first + BATCH])
        except (BotoCoreError, ClientError) as error:
            log.warning("%s metrics of %s were not sent: %s", len(data), self.namespace, error)
