"""The tasks of the prices pipeline: a client from a connection, one call of a pure step, a URI or a count."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.core.clock import utc_now
from include.core.errors import TooManyFailures, TransientError
from include.orchestration import connections
from include.orchestration.defaults import MAP_LABEL
from include.orchestration.execution_log.records import report_records

if TYPE_CHECKING:
    from include.prices.plan import Plan

log = logging.getLogger(__name__)
POOL = "yahoo"
HELD_ELSEWHERE = "held_elsewhere"
"""XCom of `plan_chunks`: another run is at this one's work right now."""
EXTRACT_ATTEMPTS = 5
"""Seed 001: "Worker: 최대 5회", then the dead-letter queue."""


class ChunkIncomplete(TransientError):
    """Some symbols of a chunk failed in a way that another attempt may mend."""


@task
def resolve_request() -> dict[str, Any]:
    """Check the run's configuration and return it whole: request, session day, correlation id."""
    from include.orchestration.runs import run_session, run_trigger
    from include.prices.config import CALENDAR
    from include.prices.validate import validate_request

    context = get_current_context()
    session = run_session(context, CALENDAR)
    conf = {**context["params"], **(context["dag_run"].conf or {})}
    request, _ = validate_request(conf, session=session)
    request = request.model_copy(update={"trigger_type": request.trigger_type or run_trigger(context)})
    return {
        "request": request.model_dump(mode="json"),
        "session": session.isoformat(),
        "correlation_id": request.correlation_id or context["run_id"],
    }


@task
def plan_chunks(resolved: dict[str, Any]) -> list[dict[str, Any]]:
    """Plan the run, claim its idempotency key and open its batch; return the chunks.

    A dry run shows the plan and is skipped here; so is a run whose key another run has.
    """
    from include.prices import start
    from include.prices.config import PricesRequest

    context = get_current_context()
    plan = start.make_plan(
        resolved, aws=connections.aws(), settings=connections.settings(), max_map_length=_max_map_length()
    )
    if plan.request.dry_run:
        from include.prices.plan import describe

        log.info("%s", describe(plan))
        raise AirflowSkipException("dry run: the plan above was shown, nothing was written")
    held = start.open_run(
        plan,
        PricesRequest.model_validate(resolved["request"]),
        aws=connections.aws(),
        settings=connections.settings(),
        owner=context["run_id"],
    )
    if held:
        context["ti"].xcom_push(key=HELD_ELSEWHERE, value=not held.done)
        raise AirflowSkipException(held.reason)
    return start.chunk_refs(plan, connections.raw_store())


@task(
    pool=POOL,
    retries=EXTRACT_ATTEMPTS - 1,
    map_index_template=MAP_LABEL,
)
def extract_chunk(chunk: dict[str, Any]) -> dict[str, int]:
    """Fetch one chunk's symbols into RAW; return how many outcomes of each kind there were."""
    from include.prices import chunks

    context = get_current_context()
    context["map_label"] = chunk["label"]  # type: ignore[typeddict-unknown-key]
    ti = context["ti"]
    source = connections.yahoo()
    result = chunks.run_chunk(
        chunk,
        aws=connections.aws(),
        settings=connections.settings(),
        source=source,
        owner=context["run_id"],
        attempt=ti.try_number,
        last_attempt=ti.try_number > ti.max_tries,
    )
    failed = result.counts.get("failed", 0)
    report_records(processed=sum(result.counts.values()) - failed, failed=failed, outcomes=result.counts)
    if result.again:
        raise ChunkIncomplete(
            f"chunk {chunk['label']}: {', '.join(result.again)} failed; attempt {ti.try_number} of "
            f"{ti.max_tries + 1}, the next one asks only for these"
        )
    return result.counts


@task(trigger_rule="all_done_min_one_success", multiple_outputs=False)
def write_manifests(chunks: list[dict[str, Any]]) -> list[str]:
    """Write the manifests of the batch, the run's own day last; return the URIs of the transforms' inputs."""
    from include.prices import finalize

    plan = _plan(chunks)
    return finalize.finalize_batch(
        plan,
        aws=connections.aws(),
        settings=connections.settings(),
        owner=get_current_context()["run_id"],
        now=utc_now(),
    )


@task
def check_failures(chunks: list[dict[str, Any]]) -> int:
    """Return how many symbols failed; fail the run where they are more than `max_failed_ratio`."""
    from include.prices.finalize import batch_outcomes
    from include.prices.manifest import failed_symbols

    plan = _plan(chunks)
    failed = failed_symbols(batch_outcomes(plan, connections.aws(), connections.settings()))
    ratio, limit = len(failed) / len(plan.symbols), plan.request.override_config.max_failed_ratio
    if ratio > limit:
        names = ", ".join(f"{entry.symbol} ({entry.error})" for entry in failed[:20])
        raise TooManyFailures(
            f"{len(failed)} of {len(plan.symbols)} symbols failed ({ratio:.1%}, allowed {limit:.1%}): {names}. "
            "What was fetched is loaded; the manifests and the dead-letter queue name the rest. Run again "
            "with force_symbols set to these once the cause is mended."
        )
    return len(failed)


@task(max_active_tis_per_dagrun=4, map_index_template=MAP_LABEL)
def curate_days(chunks: list[dict[str, Any]], transform_uri: str) -> str:
    """Make curated Parquet of a group of days; return the URI of the list of files."""
    from include.prices import transform

    context = get_current_context()
    job = transform.read_job(connections.raw_store(), transform_uri)
    context["map_label"] = transform.label(job)  # type: ignore[typeddict-unknown-key]
    return transform.curate_job(
        _plan(chunks),
        job,
        index=context["ti"].map_index or 0,
        aws=connections.aws(),
        settings=connections.settings(),
        owner=context["run_id"],
        now=utc_now(),
    )


@task(trigger_rule="all_done", retries=0)
def close_run() -> None:
    """Settle the run's idempotency key and send its metrics, whatever became of it (a teardown)."""
    from include.orchestration.runs import run_failed
    from include.prices import start

    context = get_current_context()
    chunks = context["ti"].xcom_pull(task_ids="plan_chunks")
    resolved = context["ti"].xcom_pull(task_ids="resolve_request")
    failed = run_failed(context)
    start.publish_run_metrics(resolved, failed=failed, aws=connections.aws())
    if chunks:
        start.settle_run(
            _plan(chunks),
            failed=failed,
            aws=connections.aws(),
            settings=connections.settings(),
            owner=context["run_id"],
        )


def _plan(chunks: list[dict[str, Any]] | None) -> Plan:
    if not chunks:
        raise AirflowFailException("plan_chunks left no plan, so there is nothing to do here: see its log")
    from include.prices.plan import read_plan

    return read_plan(connections.raw_store(), chunks[0]["plan_uri"])


def _max_map_length() -> int:
    from airflow.sdk.configuration import conf

    return conf.getint("core", "max_map_length")
