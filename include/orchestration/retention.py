"""The task of `log_retention`."""

from __future__ import annotations

from airflow.sdk import task

from include.core.clock import utc_now
from include.orchestration import connections
from include.orchestration.execution_log.records import report_records


@task(multiple_outputs=False)
def delete_old_rows() -> dict[str, int]:
    """Delete rows of the execution log that are older than the rule; return the number by table."""
    from include.clients.postgres.retention import delete_old

    with connections.fundamentals() as database:
        deleted = delete_old(database, utc_now())
    report_records(processed=sum(deleted.values()), **deleted)
    return deleted
