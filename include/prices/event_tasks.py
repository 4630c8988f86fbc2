"""The tasks of `prices_on_event` alone: take work from the queues, and delete messages once it is done."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task

from include.core.clock import utc_now
from include.core.keys import BatchFiles
from include.core.queues import QueuePair, price_manifests, price_requests
from include.orchestration import connections
from include.orchestration.defaults import MAP_LABEL
from include.prices.tasks import HELD_ELSEWHERE

if TYPE_CHECKING:
    from include.prices.letters import Letterbox

log = logging.getLogger(__name__)


@task.branch
def receive_work() -> list[str]:
    """Take one price request, or, where none waits, manifests; return the task that begins their work.

    Nothing waits: all that follows is skipped.
    """
    from include.prices import landed, price_events, start

    ti: Any = get_current_context()["ti"]
    requests, manifests = _box(price_requests), _box(price_manifests)
    taken = price_events.take_request(requests, now=utc_now())
    start.publish_refused(taken.refused, aws=connections.aws())
    if taken.resolved and taken.message:
        ti.xcom_push(key="message", value=price_events.to_handle(taken.message))
        ti.xcom_push(key="request", value=taken.resolved)
        return ["plan_chunks"]
    uri = landed.receive_manifests(manifests.queue, connections.raw_store(), _files())
    if uri:
        ti.xcom_push(key="messages_uri", value=uri)
        return ["plan_transforms"]
    log.info("nothing waits in %s or %s", requests.queue.name, manifests.queue.name)
    return []


@task(trigger_rule="none_failed")
def acknowledge_request() -> bool:
    """Delete the request's message, now that its rows are loaded, and return True.

    False: another run is at the same request right now, so the message stays until that one is done.
    """
    from include.prices.price_events import from_handle

    ti: Any = get_current_context()["ti"]
    if ti.xcom_pull(task_ids="plan_chunks", key=HELD_ELSEWHERE):
        log.info("another run is at this request; its message comes back and is deleted once that is done")
        return False
    handle = ti.xcom_pull(task_ids="receive_work", key="message")
    _box(price_requests).queue.delete([from_handle(handle)])
    return True


@task(multiple_outputs=False)
def plan_transforms(messages_uri: str) -> list[str]:
    """Sort the manifests' messages and group the wanted ones; return the URIs of the transforms' inputs."""
    from include.prices import landed

    return landed.plan_transforms(
        landed.read_messages(connections.raw_store(), messages_uri),
        box=_box(price_manifests),
        files=_files(),
        aws=connections.aws(),
        settings=connections.settings(),
        now=utc_now(),
    )


@task(max_active_tis_per_dagrun=4, map_index_template=MAP_LABEL)
def curate_manifests(transform_uri: str) -> str:
    """Make curated Parquet of a group of landed manifests; return the URI of the list of files.

    A manifest that is alone and cannot be curated becomes a letter.
    """
    from include.prices import landed, transform
    from include.prices.config import Overrides

    context = get_current_context()
    raw, index = connections.raw_store(), _index()
    job = transform.read_job(raw, transform_uri)
    context["map_label"] = f"{job.table_name} {transform.label(job)}"  # type: ignore[typeddict-unknown-key]
    try:
        return transform.curate_into(
            _files(),
            index,
            job,
            max_invalid_ratio=Overrides().max_invalid_ratio,
            aws=connections.aws(),
            settings=connections.settings(),
            now=utc_now(),
        )
    except landed.DATA_FAULTS as error:
        messages = landed.read_messages(raw, raw.uri(_files().messages_key(index)))
        landed.bury_alone(job, messages, error, box=_box(price_manifests), now=utc_now())
        raise


@task(map_index_template=MAP_LABEL)
def acknowledge_manifests(transform_uri: str) -> int:
    """Delete the messages of a group whose rows are loaded; return how many."""
    from include.prices import landed, transform

    context = get_current_context()
    raw = connections.raw_store()
    context["map_label"] = transform.label(transform.read_job(raw, transform_uri))  # type: ignore[typeddict-unknown-key]
    messages = landed.read_messages(raw, raw.uri(_files().messages_key(_index())))
    _box(price_manifests).queue.delete(messages)
    return len(messages)


@task(trigger_rule="all_done", retries=0)
def close_run() -> None:
    """Settle the request's idempotency key and send the run's metrics, whatever became of it (a teardown).

    A run that found nothing is not counted.
    """
    from include.orchestration.runs import run_failed
    from include.prices import start
    from include.prices.plan import read_plan

    context = get_current_context()
    ti: Any = context["ti"]
    resolved = ti.xcom_pull(task_ids="receive_work", key="request")
    chunks = ti.xcom_pull(task_ids="plan_chunks")
    failed = run_failed(context)
    if resolved or failed or ti.xcom_pull(task_ids="plan_transforms"):
        by_event = {"request": {"trigger_type": "event"}}
        start.publish_run_metrics(resolved or by_event, failed=failed, aws=connections.aws())
    if chunks:
        start.settle_run(
            read_plan(connections.raw_store(), chunks[0]["plan_uri"]),
            failed=failed,
            aws=connections.aws(),
            settings=connections.settings(),
            owner=context["run_id"],
        )


def _box(pair: Any) -> Letterbox:
    """Return a queue and its dead letters; `pair` is one of the functions of include/core/queues.py."""
    from include.clients.queues import Queue
    from include.prices.letters import Letterbox

    names: QueuePair = pair(connections.settings().environment)
    client = connections.aws().client("sqs")
    return Letterbox(queue=Queue(client, str(names.queue)), dlq=Queue(client, names.dlq))


def _files() -> BatchFiles:
    """Return the keys of this run's working papers."""
    return BatchFiles(f"manifests:{get_current_context()['run_id']}")


def _index() -> int:
    return get_current_context()["ti"].map_index or 0
