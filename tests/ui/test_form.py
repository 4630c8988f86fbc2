"""Who signs in can start `prices_daily` with settings of their own in the form, and see it go green."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from devstack.airflow_api import AirflowApi
from devstack.question import ask
from tests.market import applied
from tests.ui.conftest import PATIENCE_MS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
FRIDAY = "2013-03-01"
SYMBOLS = ["AAPL", "MSFT"]


def test_a_run_started_in_the_form_with_overrides_goes_green_and_loads_what_was_asked_for(
    page: Page, airflow: AirflowApi, keep: Callable[..., None]
) -> None:
    await_parsed(airflow, "prices_daily")
    page.goto("/dags/prices_daily")
    page.get_by_test_id("trigger-dag-button").click()
    form = page.get_by_role("dialog")
    form.locator("[name=element_symbols]").fill("\n".join(SYMBOLS))
    form.locator("[name=element_start]").fill("2013-02-25")
    form.locator("[name=element_end]").fill(FRIDAY)
    keep(page, "trigger_form")
    form.get_by_test_id("trigger-dag-submit").click()

    run = await_end(airflow, "prices_daily")
    assert run["state"] == "success"
    assert run["conf"]["symbols"] == SYMBOLS
    page.goto(f"/dags/prices_daily/runs/{run['dag_run_id']}")
    expect(page.get_by_text("Success").first).to_be_visible(timeout=PATIENCE_MS)
    keep(page, "run_is_green")
    with applied(airflow.ui.stack.environment()):
        rows = ask("SELECT symbol, count() AS days FROM market.prices GROUP BY symbol ORDER BY symbol")
    assert rows.to_pylist() == [{"symbol": symbol, "days": 5} for symbol in SYMBOLS]


def await_parsed(airflow: AirflowApi, dag_id: str, seconds: float = 120) -> None:
    """Wait until Airflow has read the DAG's file."""
    deadline = time.monotonic() + seconds
    while dag_id not in (dag["dag_id"] for dag in airflow.call("GET", "/api/v2/dags")["dags"]):
        assert time.monotonic() < deadline, f"{dag_id} is not there after {seconds:.0f} s"
        time.sleep(0.3)


def await_end(airflow: AirflowApi, dag_id: str, seconds: float = 420) -> dict[str, object]:
    """Return the manual run once it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        runs = [run for run in airflow.runs(dag_id) if run["run_type"] == "manual"]
        if runs and runs[0]["state"] in ("success", "failed"):
            return dict(runs[0])
        assert time.monotonic() < deadline, f"{dag_id} after {seconds:.0f} s: {runs}"
        time.sleep(0.3)
