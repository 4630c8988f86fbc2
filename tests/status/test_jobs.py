"""What the jobs' last runs make of the whole."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from include.status.jobs import overall_status
from include.status.models import JobState, JobStatus

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)


def job(status: JobState, days_ago: int = 1) -> JobStatus:
    return JobStatus(name="job", status=status, last_run=NOW - timedelta(days=days_ago), next_run=None)


@pytest.mark.parametrize(
    ("jobs", "overall"),
    [
        ([], "healthy"),
        ([job("success"), job("success")], "healthy"),
        ([job("success"), job("failed")], "degraded"),
        ([job("failed"), job("failed")], "failed"),
        ([job("running")], "healthy"),
        ([job("running"), job("failed")], "failed"),
        ([job("success"), job("failed", days_ago=36)], "healthy"),
        ([job("success", days_ago=36), job("failed")], "failed"),
    ],
)
def test_failed_is_when_all_failed_and_degraded_when_some(jobs: list[JobStatus], overall: str) -> None:
    assert overall_status(jobs, NOW) == overall
