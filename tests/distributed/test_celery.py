"""CeleryExecutor with two workers: one is lost on the way, the other ends the run; problems are told of once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from devstack.home import REPO
from devstack.stack import Stack
from tests.distributed.celery_airflow import CeleryAirflow, celery_airflow
from tests.market import Market, applied, recorded_rows
from tests.orchestration.notified import Received, office

pytestmark = [pytest.mark.integration, pytest.mark.timeout(500)]
SYMBOLS = ["AAPL", "IBM"]
START = "2013-02-20"
DAGS = [REPO / "dags" / "prices_daily.py", Path(__file__).parent / "troubled_dags.py"]


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[Received, dict[str, str]]]:
    with office() as both:
        yield both


@pytest.fixture(scope="module")
def airflow(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory, told: tuple[Received, dict[str, str]]
) -> Iterator[CeleryAirflow]:
    with celery_airflow(stack, tmp_path_factory.mktemp("celery"), DAGS, told[1]) as running:
        yield running


def eventually(what: Callable[[], Any], why: Callable[[], Any], seconds: float = 240) -> Any:
    """Return the first answer that is not empty; a busy Airflow may leave a question unanswered."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError):
            if found := what():
                return found
        assert time.monotonic() < deadline, why()
        time.sleep(0.2)


def ended(airflow: CeleryAirflow, run: str) -> str:
    """Return the run's state at its end."""

    def state() -> str | None:
        now = str(airflow.api.call("GET", run)["state"])
        return now if now in ("success", "failed") else None

    return str(eventually(state, lambda: airflow.api.tasks(run)))


def waiting_worker(airflow: CeleryAirflow, market: Market, run: str) -> str | None:
    """Return the name of the worker whose request for the first symbol is not answered."""
    if not market.control("GET", "/_requests")["symbols"].get(SYMBOLS[0]):
        return None
    for task in airflow.api.tasks(run):
        if (task["task_id"], task["map_index"], task["state"]) == ("extract_chunk", 0, "running"):
            return airflow.works_on(task["pid"]) if task["pid"] else None
    return None


def test_a_run_whose_worker_is_lost_is_ended_by_the_other(airflow: CeleryAirflow) -> None:
    with applied(airflow.stack.environment()):
        market = Market(airflow.stack)
        market.control("DELETE", "/_requests")
        market.control("POST", "/_faults", [f"symbol:{SYMBOLS[0]}=timeout*1"])
        airflow.api.unpause("prices_daily")
        conf = market.conf(symbols=SYMBOLS, start=START, override_config={"chunk_size": 1})
        run = airflow.api.start_run("prices_daily", logical_date="2013-03-01T00:00:00Z", conf=conf)
        lost = eventually(lambda: waiting_worker(airflow, market, run), lambda: airflow.api.tasks(run))
        airflow.kill(lost)
        assert ended(airflow, run) == "success"
        tasks = eventually(lambda: airflow.api.tasks(run), lambda: run)
        assert {task["state"] for task in tasks} <= {"success", "skipped"}
        tries = {(task["task_id"], task["map_index"]): task["try_number"] for task in tasks}
        assert tries["extract_chunk", 0] >= 2
        assert market.rows() == recorded_rows(SYMBOLS, START)
        assert {manifest.revision for manifest in market.manifests().values()} == {1}
        market.control("POST", "/_faults", [])


def test_the_scheduler_has_one_message_sent_for_each_problem(
    airflow: CeleryAirflow, told: tuple[Received, dict[str, str]]
) -> None:
    received = told[0]

    def heard(count: int) -> list[str]:
        eventually(lambda: len(received.mails) >= count, lambda: (received.subjects(), received.slack))
        return received.subjects()

    def run(dag_id: str, day: int, conf: dict[str, Any]) -> str:
        airflow.api.unpause(dag_id)
        return ended(
            airflow, airflow.api.start_run(dag_id, logical_date=f"2026-01-0{day}T00:00:00Z", conf=conf)
        )

    failing = {"failing": [1, 2]}
    assert run("troubled", 1, failing) == "failed"
    assert heard(1) == ["[tapeline local] troubled failed: work"]
    assert "*Failed tasks:* 2" in received.slack[0]
    assert "*Task:* work [chunk " in received.slack[0]
    assert "*Error:* SourceUnavailable: no answer" in received.slack[0]
    assert run("troubled", 2, failing) == "failed"
    assert run("troubled", 3, {}) == "success"
    assert heard(2)[1:] == ["[tapeline local] troubled works again"]
    assert "2 failed runs" in received.slack[1]
    assert run("endless", 1, {}) == "failed"
    assert heard(3)[2:] == ["[tapeline local] endless took too long"]
    assert len(received.slack) == 3
