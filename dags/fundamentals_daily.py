"""
## Fundamentals, daily: prices and moving averages into PostgreSQL

Asks Financial Modeling Prep for what is missing of each active symbol's daily prices, by the exchange's calendar, and
computes the averages over 20, 50, 100 and 200 sessions of what changed. Which jobs these are is said in
`include/fundamentals/jobs.yaml`.

**When** 22:30 UTC from Monday to Friday: New York has closed at 20:00 or 21:00 UTC, and the source has the day's prices.
Or by hand for a session: a logical date at midnight UTC names it.

**Rerun** At any time: a job asks only for what is missing, and writing it again changes no row. `force` asks for
everything again.

**When it fails**

| task | means | do |
| --- | --- | --- |
| `resolve_request` | the configuration is wrong; nothing was read or written | start again as the log says |
| `plan_chunks`: `NoSymbols` | no symbols are known yet | run `fundamentals_weekly` first |
| `load_chunk`: `CredentialsMissing` | the source refuses the API key | correct the connection `fmp_default`, clear the task |
| `load_chunk`: `DatabaseUnavailable` | PostgreSQL was away at every attempt; the chunk's tables are as they were | clear the task once it is back |
| `validate_quality` | too many symbols failed or records were refused; the good ones are loaded and the metrics stored | the log names them; run again once the cause is mended |

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

MAIN_PARAMS = ("symbols", "start", "end", "force", "dry_run")


@dag(
    schedule=CronTriggerTimetable(registry().schedules["daily"], timezone="UTC"),
    start_date=datetime(2000, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    default_args=DEFAULT_ARGS,
    params=params_from(FundamentalsRequest, main=MAIN_PARAMS, hidden={"jobs"}),
    tags=["fundamentals", "market"],
    doc_md=__doc__,
    **NOTIFIED,
)
def fundamentals_daily() -> None:
    """Every job of the schedule."""
    build_jobs(registry().of("daily"))


fundamentals_daily()
