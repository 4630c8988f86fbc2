"""The connection `fmp_default` of the local default, and the RAW bucket's cache under it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest

from devstack.stack import Stack
from include.clients.fmp import FmpClient
from include.core.clock import utc_now
from include.core.errors import CredentialsMissing
from include.orchestration import connections
from tests.market import applied

pytestmark = pytest.mark.integration
WEEK = (date(2013, 2, 25), date(2013, 3, 1))


def test_tasks_get_a_client_with_the_shared_limit_and_the_cache(stack: Stack) -> None:
    today = utc_now().date()
    with applied(stack.environment()):
        client = connections.fmp()
        assert client.fetch_prices("GOOG", *WEEK).prices.height == 5
        assert client.fetch_ratios("GOOG").faults == []
        kept = [info.key for info in connections.raw_store().list_objects("_cache/fmp/")]
        uncached = connections.fmp(cached=False)
        source = connections.aws().table(connections.settings().source_table)
        assert source.get_item(Key={"id": "rate#fmp"})["Item"]["next_free"] > 0
    # New York's day, also around midnight
    days = {f"_cache/fmp/day={today - timedelta(days=n)}" for n in range(3)}
    assert {key.rpartition("/")[0].rpartition("/")[0] for key in kept if "/GOOG-" in key} <= days
    assert any("/historical-price-eod-full/GOOG-" in key for key in kept)
    assert uncached.fetch_prices("GOOG", *WEEK).prices.height == 5


def test_the_local_source_wants_the_key_of_this_home_and_no_command_line_has_it(stack: Stack) -> None:
    connection = json.loads(stack.environment()["AIRFLOW_CONN_FMP_DEFAULT"])
    with pytest.raises(CredentialsMissing):
        FmpClient(connection["host"], "another").fetch_ratios("GOOG")
    commands = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if connection["password"] in command]
    logs = Path(stack.home.logs).glob("*.log")
    assert not [log for log in logs if connection["password"] in log.read_text(errors="replace")]
