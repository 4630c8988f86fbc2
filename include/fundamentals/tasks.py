"""The tasks of every job: plan, load a chunk, validate. Which job, an entry of the registry says."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from include.core.clock import utc_now
from include.orchestration import connections
from include.orchestration.defaults import MAP_LABEL
from include.orchestration.execution_log.records import report_records

if TYPE_CHECKING:
    from include.fundamentals.run import JobRun

log = logging.getLogger(__name__)


@task(multiple_outputs=False)
def resolve_request(jobs: list[str]) -> dict[str, Any]:
    """Check the run's configuration and return it whole: request and session day. `jobs`: those of the DAG."""
    from include.fundamentals.config import run_day, validate_fundamentals

    context, now = get_current_context(), utc_now()
    day = run_day(context.get("logical_date") or context["dag_run"].run_after or now, now)
    conf = {**context["params"], **(context["dag_run"].conf or {})}
    request = validate_fundamentals(conf, jobs=jobs, day=day)
    return {"request": request.model_dump(mode="json"), "day": day.isoformat()}


@task(trigger_rule="none_failed")
def plan_chunks(job: dict[str, Any], resolved: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the job has to do, in chunks; skipped where the job is not asked for, or only to be shown."""
    from include.fundamentals.run import import_job

    run = _job_run(job, resolved)
    if run.request.jobs and run.job.name not in run.request.jobs:
        raise AirflowSkipException(f"{run.job.name} is not among the jobs that were asked for")
    with run.database:
        chunks = import_job(run.job).plan_chunks(run)
    text = f"{run.job.name} of {run.day}: {sum(chunk.count for chunk in chunks)} in {len(chunks)} chunk(s)"
    if run.request.dry_run:
        shown = "\n".join(chunk.label for chunk in chunks)
        raise AirflowSkipException(f"dry run, nothing is written: {text}\n{shown}")
    log.info(text)
    return [chunk.model_dump(mode="json") for chunk in chunks]


@task(map_index_template=MAP_LABEL, multiple_outputs=False)
def load_chunk(job: dict[str, Any], resolved: dict[str, Any], chunk: dict[str, Any]) -> dict[str, Any]:
    """Do one chunk of the job and return its counts."""
    from include.fundamentals.run import Chunk, import_job

    context, part = get_current_context(), Chunk.model_validate(chunk)
    context["map_label"] = part.label  # type: ignore[typeddict-unknown-key]
    run = _job_run(job, resolved, last_attempt=context["ti"].try_number > context["ti"].max_tries)
    with run.database:
        result = import_job(run.job).load_chunk(run, part)
    log.info("%s %s: %s", run.job.name, part.label, result.model_dump_json(exclude_defaults=True))
    report_records(
        processed=result.inserted + result.updated + result.unchanged,
        failed=result.invalid + result.failed_symbols,
        job=run.job.name,
        **result.model_dump(mode="json", exclude_defaults=True, include=_REPORTED),
    )
    return result.model_dump(mode="json")


@task(trigger_rule="all_done_min_one_success", multiple_outputs=False)
def validate_quality(
    job: dict[str, Any], chunks: list[dict[str, Any]], results: list[dict[str, Any]]
) -> dict[str, Any]:
    """Store the job's quality metrics, then fail where a limit is passed; return the counts of all chunks."""
    from include.fundamentals import quality
    from include.fundamentals.run import ChunkResult

    context, name = get_current_context(), job["name"]
    done = [ChunkResult.model_validate(result) for result in results or [] if result]
    result = quality.add_up(done)
    with connections.fundamentals() as database:
        quality.write_quality(
            database, result, job=name, dag_id=context["ti"].dag_id, run_id=str(context["run_id"]),
            now=utc_now(),
        )  # fmt: skip
    report_records(processed=0, job=name, **result.model_dump(mode="json", include=_MEASURED))
    quality.validate_result(name, result, lost_chunks=len(chunks) - len(done))
    return result.model_dump(mode="json")


_REPORTED = {"symbols", "failures", "reasons", "inserted", "updated", "unchanged"}
_MEASURED = {"total", "invalid", "duplicates", "missing_fields", "failed_symbols", "empty_symbols"}


def _job_run(job: dict[str, Any], resolved: dict[str, Any], *, last_attempt: bool = True) -> JobRun:
    from datetime import date
    from functools import partial

    from airflow.sdk.configuration import conf

    from include.fundamentals.config import FundamentalsRequest
    from include.fundamentals.jobs import Job
    from include.fundamentals.run import JobRun

    request = FundamentalsRequest.model_validate(resolved["request"])
    return JobRun(
        job=Job.model_validate(job),
        request=request,
        day=date.fromisoformat(resolved["day"]),
        database=connections.fundamentals(),
        open_source=partial(connections.fmp, cached=not request.force),
        last_attempt=last_attempt,
        max_chunks=conf.getint("core", "max_map_length"),
    )
