"""What a task may ask about its own run."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from include.core import sessions
from include.core.clock import utc_now

if TYPE_CHECKING:
    from airflow.sdk import Context


def run_session(context: Context, calendar: str) -> date:
    """Return the session day a run is for: its data interval's, or the last one closed by now."""
    end = context.get("data_interval_end") or utc_now()
    return sessions.last_closed_session(calendar, end)


def run_trigger(context: Context) -> str:
    """Return who started the run: `schedule`, `manual` or `event`."""
    kind = str(getattr(context["dag_run"].run_type, "value", context["dag_run"].run_type))
    return {"scheduled": "schedule", "asset_triggered": "event"}.get(kind, "manual")


def run_failed(context: Context) -> bool:
    """Return whether any task of this run failed for good."""
    ti: Any = context["ti"]
    return bool(
        ti.get_ti_count(dag_id=ti.dag_id, run_ids=[context["run_id"]], states=["failed", "upstream_failed"])
    )
