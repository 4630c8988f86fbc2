"""
## Curated files: S3 → ClickHouse, as they land

Loads every Parquet file that is put under `<domain>/` of the curated bucket, by whomever, into
`<domain>.<table>`. S3 announces the file in the domain's queue; the queue wakes this DAG; the run receives,
checks, loads and then deletes messages until the queue is empty. There is one such DAG for each domain of
`include/core/domains.yaml`.

**When** as soon as a message waits, and every 15 minutes anyway, for what an event missed. By hand with the
form's settings, for instance `batch_size` 1.

**Rerun** Start another run whenever you like: a content that is loaded is never loaded twice, two runs at
once do no harm, and a run that was killed is followed by one that finds its messages again.

**When it fails**

| what | means | do |
| --- | --- | --- |
| run green, `letters` > 0, alarm `LoadDLQMessages` | some files cannot be loaded; the others are | read the letters: start `dlq_redrive` with `dry_run` |
| `ServiceAway` | the warehouse (or S3) did not answer for five minutes; the messages are back in the queue | nothing but mend the service: the next run goes on |
| `CredentialsMissing` | the warehouse or AWS refused the connection | mend `clickhouse_default` or `aws_default` |
| `InvalidRequest` | the form has a wrong value | start again as the log says |
| task killed | its messages come back after two minutes | nothing |

What each alarm and each code means: docs/runbooks/load.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG, dag

from include.core.domains import Domain, domains
from include.load.config import LoadRequest
from include.load.tasks import load_messages
from include.orchestration.defaults import DEFAULT_ARGS, NOTIFIED
from include.orchestration.params import params_from
from include.orchestration.schedules import on_messages

SWEEP = "*/15 * * * *"
WEIGHTS = {"high": 10, "medium": 5, "low": 1}


def make_dag(domain: Domain) -> DAG:
    """Return `load_<domain>`."""
    title = f"load_{domain.name}"

    @dag(
        dag_id=title,
        schedule=on_messages(title, sweep=SWEEP),
        start_date=datetime(2000, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        is_paused_upon_creation=False,  # it does nothing before a file lands
        max_active_runs=2,
        dagrun_timeout=timedelta(hours=6),
        default_args=DEFAULT_ARGS
        | {"priority_weight": WEIGHTS[domain.priority], "execution_timeout": timedelta(hours=2)},
        params=params_from(LoadRequest, main=("batch_size", "max_messages")),
        tags=["load", domain.name],
        doc_md=__doc__,
        **NOTIFIED,
    )
    def load() -> None:
        """One task: the queue is the plan."""
        load_messages(domain.name)

    return load()


for _domain in domains().values():
    globals()[f"load_{_domain.name}"] = make_dag(_domain)
