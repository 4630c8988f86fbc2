"""
## Retention of the execution log

Deletes from the fundamentals database what is older than the rule in `include/clients/postgres/retention.py`: lines of
the log after 90 days, executions and quality metrics after 400 days. Prices, averages, ratios and symbols are kept.

**When** Sundays at 05:00 UTC. Or by hand.

**Rerun** At any time: it deletes in small transactions, and what is deleted is deleted.

**When it fails**

| task | means | do |
| --- | --- | --- |
| `delete_old_rows`: `DatabaseUnavailable` | PostgreSQL was away at every attempt | nothing is lost: the next run deletes more. Or clear the task |
| `delete_old_rows`: `StatementFailed` | a table is not there | `python -m include.clients.postgres migrate`, then clear the task |

More: docs/runbooks/fundamentals_database.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import CronTriggerTimetable, dag

from include.orchestration.defaults import DEFAULT_ARGS, NOTIFIED
from include.orchestration.retention import delete_old_rows


@dag(
    schedule=CronTriggerTimetable("0 5 * * SUN", timezone="UTC"),
    start_date=datetime(2000, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    default_args=DEFAULT_ARGS,
    tags=["operations", "fundamentals"],
    doc_md=__doc__,
    **NOTIFIED,
)
def log_retention() -> None:
    """One task."""
    delete_old_rows()


log_retention()
