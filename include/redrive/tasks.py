"""The tasks of `dlq_redrive`."""

from __future__ import annotations

from typing import Any

from airflow.sdk import get_current_context, task

from include.core.clock import utc_now
from include.orchestration import connections
from include.orchestration.execution_log.records import report_records


@task
def resolve_request() -> dict[str, Any]:
    """Check the run's configuration and return it whole."""
    from include.redrive.config import validate_redrive

    context = get_current_context()
    conf = {**context["params"], **(context["dag_run"].conf or {})}
    return validate_redrive(conf).model_dump(mode="json")


@task(multiple_outputs=False)
def redrive_letters(asked: dict[str, Any]) -> dict[str, int]:
    """Show the letters, redrive those that are asked for, unless it is a dry run; return the counts."""
    from include.redrive import redrive
    from include.redrive.config import RedriveRequest

    counts = redrive.redrive_letters(
        RedriveRequest.model_validate(asked),
        aws=connections.aws(),
        environment=connections.settings().environment,
        now=utc_now(),
    )
    report_records(processed=counts["redriven"], found=counts["found"], chosen=counts["chosen"])
    return counts
