"""
## G1 metrics: the participation service in numbers

Asks Athena how a day went: requests and results a minute, the distribution of results, the p95 of queue and
end-to-end delay, and whether the data is consistent (seed 003). Every question is asked twice: as the seed has it, of
what *arrived* on the day, and safe against late arrival, of what *happened* on it, each request once. The answers go to
`analytics.g1_*` in the warehouse (CSV and Parquet) and into one HTML report a day, linked from `write_evidence`.

**When** 00:15 UTC each day for the day before, or by hand for any day (`dt`). A logical date at midnight UTC names
its day. A day that still goes on can be measured; its report says so.

**Rerun** At any time: tables and report of the day are replaced as a whole. Measure a day again when events
arrived after the run.

**When it fails**

| task | means | do |
| --- | --- | --- |
| `plan_day` | the request or the settings are wrong; nothing was asked | start again as the log says |
| a query, `ensure_table`, `add_partitions` | Athena failed, throttled or cancelled it three times; no evidence is written | read its reason in the log, clear the task |
| `write_evidence`: `DayMoved` | events arrived while the day was read, the answers do not fit together | start another run |
| `validate_delays`, `validate_timestamps` | a validation is not 0; the evidence is written and says so | the log names the requests |

A warning never fails a run. `missing_events` and `duplicate_events` are found id by id: the report names requests.

A day without events is green: its report says that there are none. `repair_table` is skipped unless it is asked for.
More: docs/runbooks/g1_metrics.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import CronTriggerTimetable, chain, dag

from include.analytics.config import MetricsRequest
from include.analytics.tasks import (
    choose_event,
    find_event,
    link_report,
    plan_day,
    prepare_table,
    query_day,
    query_published,
    query_total,
    validate_delays,
    validate_timestamps,
    write_evidence,
)
from include.orchestration.defaults import DEFAULT_ARGS, NOTIFIED
from include.orchestration.params import params_from

MAIN_PARAMS = ("dt", "event_id", "late_days")


@dag(
    schedule=CronTriggerTimetable("15 0 * * *", timezone="UTC"),
    start_date=datetime(2000, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    default_args=DEFAULT_ARGS,
    params=params_from(MetricsRequest, main=MAIN_PARAMS),
    tags=["participation", "analytics"],
    doc_md=__doc__,
    **NOTIFIED,
)
def g1_metrics() -> None:
    """Table, questions, evidence, validations."""
    plan = plan_day()
    busiest = find_event(plan)
    event = choose_event(plan["event_id"], busiest.output)
    queries, published, total = query_day(plan, event), query_published(plan), query_total(plan)
    answers = {query.task_id: query.output for query in (*queries, total)}
    evidence = write_evidence(plan["dt"], plan["late_days"], event, answers, published.output)
    link_report(evidence)
    chain(*prepare_table(plan), busiest, event, [*queries, published], total, evidence)
    evidence >> [validate_delays(answers), validate_timestamps(answers)]


g1_metrics()
