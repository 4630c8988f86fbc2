"""
## Fundamentals, by hand: any jobs, symbols and days

Runs the jobs that are chosen (left out: all), each after those of them that it depends on. With `start` prices since
that day are there afterwards; with `force` everything is asked for again and all averages are computed anew.

**When** By hand only. It may run beside `fundamentals_daily` and `fundamentals_weekly`.

**Rerun** At any time: writing the same again changes no row.

**When it fails** As `fundamentals_daily` and `fundamentals_weekly`; an unknown job, symbol or key is a fault that
`resolve_request` or `plan_chunks` names with the nearest valid one. More: docs/runbooks/fundamentals.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import dag

from include.fundamentals.config import FundamentalsRequest
from include.fundamentals.jobs import registry
from include.fundamentals.pipeline import build_jobs
from include.orchestration.defaults import DEFAULT_ARGS, NOTIFIED
from include.orchestration.params import params_from

MAIN_PARAMS = ("jobs", "symbols", "start", "end", "force", "dry_run")


@dag(
    schedule=None,
    start_date=datetime(2000, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=2,
    dagrun_timeout=timedelta(hours=12),
    default_args=DEFAULT_ARGS,
    params=params_from(FundamentalsRequest, main=MAIN_PARAMS),
    tags=["fundamentals", "market"],
    doc_md=__doc__,
    **NOTIFIED,
)
def fundamentals_manual() -> None:
    """Every job there is."""
    build_jobs(registry().of())


fundamentals_manual()
