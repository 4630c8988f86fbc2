"""What a task asks about its own run."""

from __future__ import annotations

from datetime import date, datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.utils.types import DagRunType

from include.orchestration.runs import run_failed, run_session, run_trigger

CLOSE = datetime(2013, 3, 1, 21, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("end", "session"),
    [
        (CLOSE, date(2013, 3, 1)),
        (CLOSE.replace(hour=20, minute=59), date(2013, 2, 28)),
        (datetime(2013, 3, 3, 12, 0, tzinfo=timezone.utc), date(2013, 3, 1)),
    ],
    ids=["at the close", "before the close", "a Sunday"],
)
def test_a_run_is_for_the_session_that_its_data_interval_ends_with(end: datetime, session: date) -> None:
    assert run_session({"data_interval_end": end}, "XNYS") == session  # type: ignore[typeddict-item]


def test_a_run_without_a_data_interval_is_for_the_session_closed_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An asset-triggered run has none."""
    monkeypatch.setattr("include.orchestration.runs.utc_now", lambda: CLOSE)
    assert run_session({}, "XNYS") == date(2013, 3, 1)  # type: ignore[typeddict-item]
    assert run_session({"data_interval_end": None}, "XNYS") == date(2013, 3, 1)  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("run_type", "trigger"),
    [
        (DagRunType.SCHEDULED, "schedule"),
        (DagRunType.ASSET_TRIGGERED, "event"),
        (DagRunType.MANUAL, "manual"),
        (DagRunType.BACKFILL_JOB, "manual"),
        ("scheduled", "schedule"),
    ],
)
def test_who_started_a_run_is_in_our_words(run_type: Any, trigger: str) -> None:
    assert run_trigger({"dag_run": SimpleNamespace(run_type=run_type)}) == trigger  # type: ignore[typeddict-item]


@pytest.mark.parametrize(("count", "failed"), [(0, False), (2, True)])
def test_a_run_failed_where_a_task_failed_or_was_not_reached(count: int, failed: bool) -> None:
    asked: dict[str, Any] = {}

    def get_ti_count(**wanted: Any) -> int:
        asked.update(wanted)
        return count

    ti = SimpleNamespace(dag_id="prices_daily", get_ti_count=get_ti_count)
    assert run_failed({"ti": ti, "run_id": "run"}) is failed  # type: ignore[typeddict-item]
    assert asked == {"dag_id": "prices_daily", "run_ids": ["run"], "states": ["failed", "upstream_failed"]}
