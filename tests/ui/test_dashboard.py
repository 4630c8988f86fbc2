"""The dashboard in Airflow's UI: a year of history, by day and night, wide and narrow, and with sources away."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from playwright.sync_api import FrameLocator, Page, Route, expect

from devstack.airflow_api import AirflowApi
from include.core.clock import utc_now
from include.orchestration import connections
from include.status.dashboard_ranges import span_of
from tests.market import applied
from tests.ui.conftest import PATIENCE_MS, SCREENSHOTS
from tests.ui.g1_day import REQUESTS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
DASHBOARD = "/api/etl/dashboard/"
CARDS = ("history", "failures", "quality", "fundamentals", "loads", "g1", "queues")
SUM = "SELECT sum(records_processed)::bigint AS n FROM etl_executions WHERE start_time >= %s"
_DARK = "document.documentElement.classList.replace('light', 'dark') || document.documentElement.classList.add('dark')"


def opened(page: Page, path: str = DASHBOARD) -> float:
    """Open the dashboard itself; return the seconds until its last card was drawn."""
    page.goto(path)
    page.locator("html[data-loaded]").wait_for(timeout=PATIENCE_MS)
    return float(page.evaluate("performance.now()")) / 1000


def framed(page: Page) -> FrameLocator:
    """Open the dashboard from Airflow's menu; return its frame."""
    page.goto("/")
    page.get_by_role("link", name="Tapeline").click()
    frame = page.frame_locator("iframe")
    frame.locator("html[data-loaded]").wait_for(timeout=PATIENCE_MS)
    return frame


def test_a_year_is_one_page_in_each_width_and_its_sums_are_those_of_the_database(
    page: Page, airflow: AirflowApi, keep: Callable[..., None]
) -> None:
    seconds = {"first": opened(page)}
    for name, width in (("1280", 1280), ("1600", 1600), ("narrow", 420)):
        page.set_viewport_size({"width": width, "height": 900})
        seconds[name] = opened(page)
        page.wait_for_timeout(200)  # the charts follow the width
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow == 0, f"{width} px wide: the page is {overflow} px wider"
        keep(page, f"dashboard_light_{name}", full_page=True)
    page.get_by_label("1 year").check()
    expect(page.locator("#records .unit")).to_have_text("records per week", timeout=PATIENCE_MS)
    shown = page.locator("#totals .tile b").first.inner_text()
    with applied(airflow.ui.stack.environment()), connections.fundamentals() as database:
        [total] = database.query(SUM, [span_of(364, utc_now()).since])
    # tasks of this Airflow may have ended between the page and the sum; the year's are far more
    assert total["n"] * 0.99 <= int(shown.replace(",", "")) <= total["n"]
    (SCREENSHOTS / "dashboard_seconds.json").write_text(json.dumps(seconds))


def test_in_airflows_frame_it_follows_airflows_theme_and_its_links_lead_into_airflow(
    page: Page, keep: Callable[..., None]
) -> None:
    page.set_viewport_size({"width": 1600, "height": 1000})
    frame = framed(page)
    keep(page, "airflow_light")
    page.evaluate(_DARK)
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    keep(page, "airflow_dark")
    frame.locator("#pipelines a", has_text="prices_daily").click()
    page.wait_for_url("**/dags/prices_daily*", timeout=PATIENCE_MS)


def test_g1_and_what_is_behind_a_chart_can_be_read_without_seeing_it(
    page: Page, keep: Callable[..., None]
) -> None:
    page.emulate_media(color_scheme="dark")
    opened(page)
    g1 = page.locator("#g1")
    for _ in range(
        60
    ):  # the load rule, the queue and a run of load_analytics lie between the files and the page
        if g1.get_by_text(f"{REQUESTS:,} requests ended").count():
            break
        page.wait_for_timeout(3000)
        opened(page)
    expect(g1.get_by_text(f"{REQUESTS:,} requests ended")).to_be_visible()
    chart = g1.locator(".chart svg[role=img]").first
    assert "queued at most" in (chart.get_attribute("aria-label") or "")
    chart.focus()
    chart.press("Home")
    expect(g1.locator(".tip").first).to_contain_text("27 Jan 2026")
    g1.locator("summary").first.press("Enter")
    expect(g1.locator("details table").first).to_contain_text("finished")
    keep(page, "dashboard_dark", full_page=True)


def test_a_source_that_is_away_says_so_in_its_card_and_the_others_stay(
    page: Page, keep: Callable[..., None]
) -> None:
    away = {"available": False, "reason": "PostgreSQL did not answer within 8 s."}
    page.route("**/cards/history*", lambda route: route.fulfill(json=away))
    page.route("**/cards/g1", lambda route: route.fulfill(status=500, body="<html>no JSON</html>"))
    page.route("**/cards/loads", lambda route: route.abort())
    opened(page)
    for card, reason in (
        ("records", "within 8 s"),
        ("g1", "answered 500"),
        ("freshness", "cannot be reached"),
    ):
        expect(page.locator(f"#{card} .away")).to_contain_text("Not available.")
        expect(page.locator(f"#{card} .away")).to_contain_text(reason)
    expect(page.locator("#queues th", has_text="load_market")).to_be_visible()
    expect(page.locator("#pipelines a", has_text="prices_daily")).to_be_visible()
    keep(page, "dashboard_sources_away", full_page=True)


def test_an_empty_database_says_what_to_do(page: Page, keep: Callable[..., None]) -> None:
    def emptied(route: Route) -> None:
        body = route.fetch().json()
        route.fulfill(json={name: [] if isinstance(value, list) else value for name, value in body.items()})

    page.route("**/cards/**", emptied)
    opened(page)
    expect(page.locator("#records")).to_contain_text("Switch a DAG on or trigger one")
    expect(page.locator("#quality")).to_contain_text("fundamentals_daily")
    expect(page.locator("#g1")).to_contain_text("g1_metrics")
    keep(page, "dashboard_empty", full_page=True)


def test_who_is_not_signed_in_gets_nothing_of_it(airflow: AirflowApi) -> None:
    for path in ("", "dashboard.js", *(f"cards/{card}" for card in CARDS)):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{airflow.ui.url}{DASHBOARD}{path}", timeout=60)


def test_only_known_stretches_and_files_are_answered(airflow: AirflowApi) -> None:
    for path, code in (("cards/history?days=31", 422), ("app.py", 404), ("..%2Fapp.py", 404)):
        with pytest.raises(urllib.error.HTTPError, match=str(code)):
            airflow.call("GET", f"{DASHBOARD}{path}")
