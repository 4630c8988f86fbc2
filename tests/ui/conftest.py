"""One Airflow and one Chromium for all tests of the UI.

Screenshots are kept in the folder TAPELINE_SCREENSHOTS, or else in build/screenshots.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from devstack.airflow_api import AirflowApi
from devstack.home import REPO
from devstack.ports import free_port
from devstack.stack import Stack
from devstack.ui import Ui
from include.orchestration import connections
from tests.market import applied
from tests.ui.g1_day import write_g1_day
from tests.ui.history import write_year

PATIENCE_MS = 90_000
SCREENSHOTS = Path(os.environ.get("TAPELINE_SCREENSHOTS") or REPO / "build" / "screenshots")
_PLACES = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without one the tests are skipped, unless TAPELINE_REQUIRE_CHROMIUM says they must run."""
    program = next((place for place in _PLACES if Path(place).exists()), shutil.which("chromium"))
    if program is None:
        message = "no chromium on this machine (apt-get install chromium)"
        if os.environ.get("TAPELINE_REQUIRE_CHROMIUM"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def airflow(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowApi]:
    """A full Airflow with a year of history in the execution log and a day of G1; its DAGs are as delivered."""
    ui = Ui(Stack(tmp_path_factory.mktemp("ui") / "home"))
    try:
        ui.stack.up()
        with applied(ui.stack.environment()), ThreadPoolExecutor(1) as beside:
            database = connections.fundamentals()
            year = beside.submit(write_year, database)
            write_g1_day(connections.curated_store())
            ui.start(free_port())
            year.result()
            database.close()
        yield AirflowApi(ui)
    finally:
        ui.stack.down()


@pytest.fixture(scope="session")
def signed_in(browser: Browser, airflow: AirflowApi) -> Iterator[BrowserContext]:
    """A browser's session after the login form was filled in."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=airflow.ui.url)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("/")
    page.locator("input[name=username]").fill("admin")
    page.locator("input[name=password]").fill(airflow.ui.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Dags").first.wait_for()
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(signed_in: BrowserContext) -> Iterator[Page]:
    """A page of the signed-in browser; what its console calls an error is the test's failure."""
    page = signed_in.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    page.close()
    assert said == []


@pytest.fixture
def keep() -> Callable[..., None]:
    """Return a function that keeps a screenshot under a name."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def keep(page: Page, name: str, **options: Any) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", **options)

    return keep
