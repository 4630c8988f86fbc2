"""The run's metrics, as CloudWatch has them afterwards; without CloudWatch the work goes on."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from botocore.config import Config

from include.core.clock import utc_now
from include.load.metrics import NAMESPACE
from tests.load.loads import Loads, bars

pytestmark = pytest.mark.integration


def _values(loads: Loads, name: str) -> tuple[float, float]:
    """Return (sum, number) of a metric of these loads."""
    now = utc_now()
    points = loads.aws.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=name,
        Dimensions=[{"Name": "Environment", "Value": loads.name}, {"Name": "Domain", "Value": "market"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=3600,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    return sum(p["Sum"] for p in points), sum(p["SampleCount"] for p in points)


def test_a_run_tells_latency_rates_and_depths(loads: Loads) -> None:
    for n in range(3):
        loads.put(bars(f"S{n}"), f"part-{n:03d}.parquet")
    loads.announce(loads.key("gone.parquet"))
    loads.drain()
    seconds, count = _values(loads, "ProcessingLatency")
    assert count == 3  # one a message whose rows became visible
    assert 0 < seconds < 3 * 120
    assert _values(loads, "SuccessRate") == (75, 1)
    assert _values(loads, "ErrorRate") == (25, 1)
    assert _values(loads, "QueueDepth") == (0, 1)
    assert _values(loads, "DLQCount") == (1, 1)


def test_a_run_without_messages_has_no_rate(loads: Loads) -> None:
    loads.drain()
    assert _values(loads, "ErrorRate") == (0, 0)
    assert _values(loads, "QueueDepth") == (0, 1)


def test_metrics_that_cannot_be_sent_break_nothing(loads: Loads, caplog: pytest.LogCaptureFixture) -> None:
    loads.put(bars("S"))
    loads.cloudwatch = loads.aws.session.client(
        "cloudwatch", endpoint_url="http://127.0.0.1:9", config=Config(retries={"total_max_attempts": 1})
    )
    with caplog.at_level(logging.WARNING):
        assert loads.drain().loaded == 1
    assert "were not sent" in caplog.text
