"""
## Fundamentals, weekly: symbols and ratios into PostgreSQL

Asks Financial Modeling Prep which common stocks NASDAQ, NYSE and AMEX list, and for each active symbol's ratios of the
trailing twelve months. A symbol that is listed no more becomes inactive and keeps its rows. Which jobs these are is
said in `include/fundamentals/jobs.yaml`.

**When** Saturdays at 06:00 UTC, when no exchange is open. Or by hand.

**Rerun** At any time: ratios that are there for the day are not asked for again, and writing the same again changes no
row. `force` asks for everything again.

**When it fails**

| task | means | do |
| --- | --- | --- |
| `resolve_request` | the configuration is wrong; nothing was read or written | start again as the log says |
| `load_chunk`: `ScreenerTooShort` | the source lists fewer than half of an exchange's known symbols; nothing was changed | look at the source; clear the task |
| `load_chunk`: `CredentialsMissing` | the source refuses the API key | correct the connection `fmp_default`, clear the task |
| `load_chunk`: `DatabaseUnavailable` | PostgreSQL was away at every attempt; the chunk's tables are as they were | clear the task once it is back |
| `validate_quality` | too many symbols failed; the good ones are loaded and the metrics stored | the log names them; run again once the cause is mended |

A job that failed holds up only those that depend on it. More: docs/runbooks/fundamentals.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import CronTriggerTimetable, dag

from include.fundamentals.config import FundamentalsRequest
from include.fundamentals.jobs import registry
from include.fundamentals.pipeline import build_jobs
from include.orchestration.defaults import DEFAULT_ARGS, NOTIFIED
from include.orchestration.params import params_from

MAIN_PARAMS = ("symbols", "force", "dry_run")


@dag(
    schedule=CronTriggerTimetable(registry().schedules["weekly"], timezone="UTC"),
    start_date=datetime(2000, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    default_args=DEFAULT_ARGS,
    params=params_from(FundamentalsRequest, main=MAIN_PARAMS, hidden={"jobs", "start", "end"}),
    tags=["fundamentals", "market"],
    doc_md=__doc__,
    **NOTIFIED,
)
def fundamentals_weekly() -> None:
    """Every job of the schedule."""
    build_jobs(registry().of("weekly"))


fundamentals_weekly()
