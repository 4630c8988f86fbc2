"""
## Prices on an event: SQS → the pipeline of `prices_daily`

A run takes one price request (an EventBridge event `PricesRequested` or `SymbolAdded`) and does what `prices_daily`
does for it. Where no request waits it takes manifests that other systems put into the RAW bucket, as far as the
setting `processing_triggers` wants them, and curates and loads their days.

**When** As soon as a message waits in one of the two queues, and every 15 minutes. By hand it needs no configuration:
it takes what waits.

**Rerun** A message is deleted only after its rows are loaded. Clear any task but `receive_work`, or do nothing: the
message of a failed run comes back after half an hour and is tried again, five times in all, and is in the dead-letter
queue then. An event that is delivered twice does its work once.

**When it fails**

| task | means | do |
| --- | --- | --- |
| `receive_work` | a queue cannot be reached; a wrong event is no failure, it is in the dead-letter queue with its faults | clear it once AWS answers |
| `plan_transforms` | the RAW bucket or the batch table cannot be reached | clear it |
| `curate_manifests` | a manifest's rows are bad, or RAW was set back; alone in its group it is in the dead-letter queue with the reason | correct RAW, then redrive the letter |
| `load_manifests` | the warehouse is away or refused a file | clear the task once it is back |
| any other | as in `prices_daily` | as in `prices_daily` |

Everything skipped is no failure: nothing waited. `plan_chunks` skipped: the event was handled before.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import dag

from include.orchestration.defaults import DEFAULT_ARGS, NOTIFIED
from include.orchestration.schedules import on_messages
from include.prices.pipeline import build_event_pipeline


@dag(
    schedule=on_messages("price_requests", "price_manifests", sweep="*/15 * * * *"),
    start_date=datetime(2000, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,  # it does nothing before a message waits
    max_active_runs=4,
    # the message comes back every half an hour, and the fifth time must be after a run that hangs
    dagrun_timeout=timedelta(hours=2),
    default_args=DEFAULT_ARGS,
    tags=["prices", "market", "events"],
    doc_md=__doc__,
    **NOTIFIED,
)
def prices_on_event() -> None:
    """Wire the pipeline behind the queues."""
    build_event_pipeline()


prices_on_event()
