"""
## Dead letters: look, and send back what can be handled now

Shows the letters of one dead-letter queue as a table (code, key, message, attempts, age, and what would become of
each), and with `dry_run` off sends the chosen ones back to the queue they came from. A letter of a load is its
original message again; one of `extract` becomes an event that asks `prices_on_event` for its symbols and days; one of `events`
goes into the delivery stream that it did not reach.
The history of attempts goes with the message, so that a second letter tells of the first.

**When** By hand, once the cause of the letters is gone (docs/runbooks/dlq_redrive.md). It starts as a dry run:
look at the table in the log of `redrive_letters`, then start it again with `dry_run` off.

**Rerun** At any time. A message that is sent twice loads nothing twice. With a `limit`, a task that is tried
again takes up to `limit` letters again.

**When it fails**

| task | means | do |
| --- | --- | --- |
| `resolve_request` | the configuration is wrong; nothing was received | start again as the log says |
| `redrive_letters` | SQS refused or did not answer; what was sent is sent, the rest is in its place | clear the task |

A run that was killed leaves its letters hidden for five minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import dag

from include.orchestration.defaults import DEFAULT_ARGS, NOTIFIED
from include.orchestration.params import params_from
from include.redrive.config import RedriveRequest
from include.redrive.tasks import redrive_letters, resolve_request

MAIN_PARAMS = ("queue", "dry_run", "code", "key", "limit")


@dag(
    schedule=None,
    start_date=datetime(2000, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    default_args=DEFAULT_ARGS,
    params=params_from(RedriveRequest, main=MAIN_PARAMS),
    tags=["operations", "queues"],
    doc_md=__doc__,
    **NOTIFIED,
)
def dlq_redrive() -> None:
    """Check what is asked, then do it."""
    redrive_letters(resolve_request())


dlq_redrive()
