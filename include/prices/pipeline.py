"""The body of the prices pipeline: the functions that every DAG with this pipeline calls."""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.sdk import TaskGroup, task_group

from include.orchestration.connections import AWS
from include.orchestration.defaults import MAP_LABEL
from include.orchestration.operators.load_curated import LoadCuratedOperator
from include.prices import event_tasks, tasks

MANIFEST_URI = "{{ ti.xcom_pull(task_ids='plan_chunks')[0]['manifest_uri'] }}"
RESOLVED_ID = "{{ ti.xcom_pull(task_ids='resolve_request')['correlation_id'] }}"
RECEIVED_ID = "{{ ti.xcom_pull(task_ids='receive_work', key='request')['correlation_id'] }}"


def build_prices_pipeline() -> None:
    """Add the tasks of a run that is asked by its configuration."""
    ends = fetch_and_load(tasks.resolve_request(), correlation_id=RESOLVED_ID)
    closed = tasks.close_run().as_teardown(on_failure_fail_dagrun=False)
    ends >> closed


def build_event_pipeline() -> None:
    """Add the tasks of a run that is asked by queues: one request, or else the manifests that landed."""
    received: Any = event_tasks.receive_work()
    with TaskGroup("requested", prefix_group_id=False, tooltip="one price request, as prices_daily"):
        ends = fetch_and_load(received["request"], correlation_id=RECEIVED_ID)
        request_done = event_tasks.acknowledge_request()
        [received, *ends] >> request_done

    transforms = event_tasks.plan_transforms(received["messages_uri"])
    manifests_done = curate_and_load.expand(transform_uri=transforms)
    closed = event_tasks.close_run().as_teardown(on_failure_fail_dagrun=False)
    [request_done, manifests_done] >> closed


def fetch_and_load(resolved: Any, *, correlation_id: str) -> list[Any]:
    """Add the tasks from a checked request to its rows in the warehouse; return the last ones."""
    chunks = tasks.plan_chunks(resolved)
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
        correlation_id=correlation_id,
        map_index_template=MAP_LABEL,
        retries=3,
    ).expand(files_uri=curated)

    extracted >> transforms >> wait_for_manifest >> curated
    checked = tasks.check_failures(chunks)
    transforms >> checked
    return [loaded, checked]


@task_group(group_id="landed", prefix_group_id=False, tooltip="manifests that other systems wrote")
def curate_and_load(transform_uri: str) -> None:
    """Add the tasks of one group of landed manifests; a group that fails holds up no other."""
    curated = event_tasks.curate_manifests(transform_uri)
    loaded = LoadCuratedOperator(
        task_id="load_manifests",
        files_uri=curated,
        correlation_id="{{ run_id }}",
        map_index_template=MAP_LABEL,
        retries=3,
    )
    loaded >> event_tasks.acknowledge_manifests(transform_uri)
