"""The DAGs of the fundamentals by Airflow: what they fill, that again changes nothing, and what a failure holds up."""

# ruff: noqa: F811 - fixtures are imported by name

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devstack.dagrun import run_dag
from devstack.stack import Stack
from tests.conftest import RETRY_AT_ONCE
from tests.fundamentals.workbench import (  # noqa: F401 - fixtures
    DAY,
    TABLES,
    Workbench,
    bench,
    postgres,
    price_source,
)
from tests.market import Run, applied, finished

pytestmark = pytest.mark.integration
JOBS = ["build_daily_ma", "load_daily_prices", "load_ratios", "load_symbols"]


def connections_of(workbench: Workbench) -> dict[str, str]:
    """Return the connections that lead a DAG to the workbench."""
    at = workbench.database.address
    database = {
        "conn_type": "postgres", "host": at.host, "port": at.port, "schema": at.database, "login": at.user,
        "password": at.password,
    }  # fmt: skip
    source = {
        "conn_type": "http", "host": workbench.source.url, "password": "any", "extra": {"requests_per_minute": 100_000},
    }  # fmt: skip
    return {
        "AIRFLOW_CONN_FUNDAMENTALS_DB": json.dumps(database),
        "AIRFLOW_CONN_FMP_DEFAULT": json.dumps(source),
    }


@pytest.fixture
def run(stack: Stack, bench: Workbench) -> Iterator[Callable[..., Run]]:
    """Return a function that runs one of the DAGs on the workbench, without the day's cache where asked by force."""
    with applied(stack.environment() | RETRY_AT_ONCE | connections_of(bench)):
        yield lambda dag_id, **conf: finished(run_dag(dag_id, DAY, conf))


def states(found: Run, job: str) -> dict[str, str]:
    """Return the state of each task of a job; of mapped ones that of the first."""
    return {
        task.partition(".")[2]: each[0] for task, each in found.tasks.items() if task.startswith(f"{job}.")
    }


def all_of(state: str) -> dict[str, str]:
    return dict.fromkeys(("plan_chunks", "load_chunk", "validate_quality"), state)


def quality(workbench: Workbench) -> dict[str, dict[str, Any]]:
    """Return the newest metrics of each job."""
    rows = workbench.database.query("SELECT * FROM data_quality_metrics ORDER BY id")
    return {row["job_name"]: row for row in rows}


def test_weekly_and_daily_fill_the_four_tables_and_again_change_no_row(
    run: Callable[..., Run],
    bench: Workbench,
) -> None:
    assert run("fundamentals_weekly").state == "success"
    assert run("fundamentals_daily", start="2012-03-01").state == "success"
    before = bench.everything()
    assert all(before.values())
    measured = quality(bench)
    assert sorted(measured) == JOBS
    assert {str(row["data_freshness"].date()) for row in measured.values()} == {str(DAY)}
    assert measured["load_daily_prices"]["total_records"] == bench.count("daily_prices")

    again = run("fundamentals_manual", start="2012-03-01")
    assert again.state == "success"
    assert bench.everything() == before
    assert [states(again, job) for job in JOBS] == [all_of("success")] * 4


def test_a_job_that_fails_holds_up_only_those_that_depend_on_it(
    run: Callable[..., Run],
    bench: Workbench,
) -> None:
    bench.run("load_symbols")
    bench.source.commit(*(f"symbol:{name}@historical-price-eod=402" for name in bench.source.prices.places))
    found = run("fundamentals_manual", jobs=["load_daily_prices", "build_daily_ma", "load_ratios"])
    assert found.state == "failed"
    assert states(found, "load_symbols") == all_of("skipped")
    assert states(found, "load_daily_prices") == all_of("success") | {"validate_quality": "failed"}
    assert states(found, "build_daily_ma") == all_of("upstream_failed")
    assert states(found, "load_ratios") == all_of("success")
    assert bench.count("ratios") == 5
    assert "load_daily_prices" in quality(bench)


def test_a_faulty_request_fails_before_anything_is_read(run: Callable[..., Run]) -> None:
    found = run("fundamentals_manual", job=["load_ratios"])
    assert (found.state, found.tasks["resolve_request"]) == ("failed", ["failed"])
    assert [states(found, job) for job in JOBS] == [all_of("upstream_failed")] * 4


def test_a_dry_run_writes_nothing(run: Callable[..., Run], bench: Workbench) -> None:
    bench.run("load_symbols")
    before = bench.everything()
    found = run("fundamentals_manual", dry_run=True)
    assert found.state == "success"
    assert bench.everything() == before
    assert [states(found, job) for job in JOBS] == [all_of("skipped")] * 4
    assert not quality(bench)
