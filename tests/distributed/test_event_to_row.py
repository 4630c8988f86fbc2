"""Under a running Airflow a file that lands in the curated bucket is in the warehouse by itself."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from devstack.airflow_api import AirflowApi
from devstack.ports import free_port
from devstack.question import ask
from devstack.stack import ENVIRONMENT, Stack
from devstack.ui import Ui
from include.clients.object_store import ObjectStore
from include.clients.queues import Queue
from include.core.contracts import DeadLetter
from include.core.queues import load_queues
from tests.market import applied

pytestmark = pytest.mark.integration
GOOD, BAD = "customer/visits/ds=2026-01-02/good.parquet", "customer/visits/ds=2026-01-02/bad.parquet"


@pytest.fixture
def airflow(tmp_path: Path) -> Iterator[AirflowApi]:
    """A full Airflow on a local default of the test's own; its DAGs stay as they were delivered."""
    ui = Ui(Stack(tmp_path / "home"))
    try:
        ui.start(free_port())
        with applied(ui.stack.environment()):
            yield AirflowApi(ui)
    finally:
        ui.stack.down()


def eventually(what: Callable[[], Any], seconds: float = 180) -> Any:
    """Return the first answer that is not empty."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"nothing after {seconds:.0f} s"
        time.sleep(0.2)
    return found


def visits() -> list[dict[str, Any]]:
    """Return the rows that readers see; none while there is no table."""
    tables = "SELECT name FROM system.tables WHERE database = 'customer' AND name = 'visits'"
    if not ask(tables).num_rows:
        return []
    return list(ask("SELECT visit, customer FROM customer.visits ORDER BY visit").to_pylist())


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(rows).write_parquet(buffer, compression="uncompressed")
    return buffer.getvalue()


@pytest.mark.timeout(400)
def test_a_file_put_into_the_bucket_becomes_rows_and_a_bad_one_a_letter(airflow: AirflowApi) -> None:
    stack = airflow.ui.stack
    bucket: ObjectStore = stack.aws().object_store(stack.home.deployment()["CuratedBucket"])
    pair = load_queues(ENVIRONMENT, "customer")
    waiting, letters = (Queue(stack.aws().client("sqs"), str(name)) for name in (pair.queue, pair.dlq))
    airflow.unpause("load_customer")

    rows = [{"visit": number, "customer": f"c{number % 7}"} for number in range(500)]
    bucket.write(GOOD, parquet(rows))
    assert eventually(visits) == rows

    bucket.write(BAD, b"not a Parquet file at all " * 100)
    letter = DeadLetter.model_validate_json(
        eventually(lambda: letters.receive(1, visibility_seconds=60))[0].body
    )
    assert (letter.code, letter.key, letter.source_queue) == ("E002", BAD, pair.queue)

    eventually(lambda: not waiting.depth().total)
    assert visits() == rows
    assert wakes_by_itself(airflow, bucket, parquet(rows))


def wakes_by_itself(airflow: AirflowApi, bucket: ObjectStore, data: bytes) -> bool:
    """Put further files, each while no run is left; return whether one of them started a run.

    A sweep may happen to take a file before the watcher does, but not every time: it comes every 15 minutes.
    """
    for number in range(4):
        eventually(lambda: not any(run["state"] in ("queued", "running") for run in runs(airflow)))
        before = len(visits())
        bucket.write(GOOD.replace("good", f"more-{number}"), data)
        eventually(lambda before=before: len(visits()) > before)
        if any(run["run_type"] == "asset_triggered" for run in runs(airflow)):
            return True
    return False


def runs(airflow: AirflowApi) -> list[dict[str, Any]]:
    return airflow.runs("load_customer")
