"""
## Daily market prices: Yahoo Finance → S3 → ClickHouse

Fetches daily (or intraday) bars for the symbol universe, one RAW object a symbol and session day, writes a
manifest a day, curates the days into Parquet and loads them into `market.prices`.

**When** 22:00 Asia/Seoul after each NYSE session, or by hand with the form's settings. A run is for one
session day: the one that last closed, or, with a logical date at midnight UTC, that date's.

**Rerun** Clear any task, or start another run of the same days: objects that exist are skipped, curated
files and rows come out the same. A run with the `correlation_id` of a finished run does nothing.
To fetch again what exists, set `override_config.overwrite`.

**When it fails**

| task | means | do |
| --- | --- | --- |
| `resolve_request` | the configuration is wrong; nothing was written | start again as the log says |
| `extract_chunk` | the source failed for some symbols five times; they are in the dead-letter queue | nothing: the others go on |
| `check_failures` | more symbols failed than `max_failed_ratio`; the rest is loaded | see the log's list; run again with `force_symbols` |
| `curate_days` | `DQ_FAILED`: too many bad rows; that group of days is not published | look at `_quarantine/` and the quality record |
| `load_files` | the warehouse is away or refused a file | clear the task once it is back |

`wait_for_manifest` skipped or `plan_chunks` skipped is no failure: a dry run, or another run did the work.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import dag

from include.orchestration.defaults import DEFAULT_ARGS, NOTIFIED
from include.orchestration.params import params_from
from include.orchestration.timetables.after_session import AfterSessionTimetable
from include.prices.config import CALENDAR, PricesRequest
from include.prices.pipeline import build_prices_pipeline

MAIN_PARAMS = ("symbols", "period", "start", "end", "interval", "dry_run")


@dag(
    schedule=AfterSessionTimetable(calendar=CALENDAR, at="22:00", time_zone="Asia/Seoul"),
    start_date=datetime(2000, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=4,
    dagrun_timeout=timedelta(hours=6),
    default_args=DEFAULT_ARGS,
    params=params_from(PricesRequest, main=MAIN_PARAMS, hidden={"trigger_type", "data_type"}),
    tags=["prices", "market"],
    doc_md=__doc__,
    **NOTIFIED,
)
def prices_daily() -> None:
    """Wire the shared pipeline."""
    build_prices_pipeline()


prices_daily()
