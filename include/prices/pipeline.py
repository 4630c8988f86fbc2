"""The body of the prices pipeline: one function that every DAG with this pipeline calls."""

from __future__ import annotations

from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor

from include.orchestration.connections import AWS
from include.orchestration.defaults import MAP_LABEL
from include.orchestration.operators.load_curated import LoadCuratedOperator
from include.prices import tasks

MANIFEST_URI = "{{ ti.xcom_pull(task_ids='plan_chunks')[0]['manifest_uri'] }}"


def build_prices_pipeline() -> None:
    """Add the pipeline's tasks to the DAG that is being defined."""
    chunks = tasks.plan_chunks(tasks.resolve_request())
    extracted = tasks.extract_chunk.expand(chunk=chunks)

    transforms = tasks.write_manifests(chunks)
    wait_for_manifest = S3KeySensor(
        task_id="wait_for_manifest",
        bucket_key=MANIFEST_URI,
        aws_conn_id=AWS,
        deferrable=True,
        poke_interval=10,
        timeout=30 * 60,
    )
    curated = tasks.curate_days.partial(chunks=chunks).expand(transform_uri=transforms)
    loaded = LoadCuratedOperator.partial(
        task_id="load_files",
        correlation_id="{{ ti.xcom_pull(task_ids='resolve_request')['correlation_id'] }}",
        map_index_template=MAP_LABEL,
        retries=3,
    ).expand(files_uri=curated)

    extracted >> transforms >> wait_for_manifest >> curated
    checked = tasks.check_failures(chunks)
    transforms >> checked
    closed = tasks.close_run().as_teardown(on_failure_fail_dagrun=False)
    [loaded, checked] >> closed
