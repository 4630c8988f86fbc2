"""One transform task: read its input, curate its days, hand the list of files to the loader."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import cast

from include.clients.aws import Aws
from include.clients.catalog import Catalog
from include.clients.object_store import ObjectStore
from include.core.contracts import CuratedFileList, TransformInput
from include.core.keys import BatchFiles, RawTable, key_of
from include.core.settings import Settings
from include.orchestration.execution_log.records import Quality, report_quality, report_records
from include.prices import start
from include.prices.curate import CurateResult, curate_group
from include.prices.plan import Plan

log = logging.getLogger(__name__)


def read_job(raw: ObjectStore, uri: str) -> TransformInput:
    """Return the transform input at `s3://bucket/key` of the RAW bucket."""
    return TransformInput.model_validate_json(raw.read(key_of(uri)))


def label(job: TransformInput) -> str:
    """Return what the UI shows for the task: `2013-01-02 to 2013-03-01 (40 days)`."""
    days = [ref.ds for ref in job.manifest_keys]
    return f"{days[0]} to {days[-1]} ({len(days)} days)"


def curate_job(
    plan: Plan,
    job: TransformInput,
    *,
    index: int,
    aws: Aws,
    settings: Settings,
    owner: str,
    now: datetime,
) -> str:
    """Curate a job's days and return the URI of the list of files for the loader (`CuratedFileList`)."""
    start.renew_run(plan, aws=aws, settings=settings, owner=owner)
    limit = plan.request.override_config.max_invalid_ratio
    return curate_into(plan.files, index, job, max_invalid_ratio=limit, aws=aws, settings=settings, now=now)


def curate_into(
    files: BatchFiles,
    index: int,
    job: TransformInput,
    *,
    max_invalid_ratio: float,
    aws: Aws,
    settings: Settings,
    now: datetime,
) -> str:
    """Curate a job's days; keep the list of files as number `index` of a batch and return its URI."""
    raw = aws.object_store(settings.raw_bucket)
    result = curate_group(
        raw,
        aws.object_store(settings.curated_bucket),
        job,
        batch_id=files.batch_id,
        max_invalid_ratio=max_invalid_ratio,
        now=now,
        catalog=Catalog(aws.client("glue")),
    )
    table = RawTable(job.domain, job.table_name, job.interval, job.data_source).curated
    listed = CuratedFileList(domain=table.domain, table_name=table.table_name, files=result.files)
    key = files.curated_key(index)
    raw.write(key, listed.model_dump_json(indent=1).encode())
    log.info("%s: %s", label(job), result)
    _report(result)
    return raw.uri(key)


def _report(result: CurateResult) -> None:
    """Say in the execution log what was curated, and how good it was."""
    report_records(processed=result.rows, failed=result.quarantined, days=result.days, missing=result.missing)
    newest = result.metrics["newest_timestamp"]
    report_quality(
        Quality(
            total=result.rows + result.quarantined,
            valid=result.rows,
            duplicates=cast("int", result.metrics["duplicates"]),
            freshness=datetime.fromisoformat(str(newest)) if newest else None,
        )
    )
