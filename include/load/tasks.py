"""The task of the load DAGs: clients from connections, one call, counts."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from airflow.sdk import get_current_context, task

from include.orchestration import connections
from include.orchestration.execution_log.records import report_records


@task(multiple_outputs=False)
def load_messages(domain: str) -> dict[str, int]:
    """Empty the domain's queue; return counts: loaded, skipped, rows, letters.

    Green with letters in it: those are the alarm's business. Red where the warehouse stayed away.
    """
    from include.core.domains import domains
    from include.load.config import parse_request
    from include.load.drain import load_domain

    context = get_current_context()
    request = parse_request({**context["params"], **(context["dag_run"].conf or {})})
    registered = domains()[domain]
    counts = load_domain(
        registered,
        aws=connections.aws(),
        settings=connections.settings(),
        open_warehouse=partial(connections.warehouse, memory_mb=registered.memory_mb),
        request=request,
    )
    report_records(processed=counts.rows, failed=counts.letters, files=counts.loaded, skipped=counts.skipped)
    return asdict(counts)
