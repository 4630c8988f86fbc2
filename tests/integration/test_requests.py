"""What a run is asked, and what two runs of one key do."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from tests.market import FRIDAY, Market, recorded_rows

pytestmark = pytest.mark.integration
DAY = {"start": "2013-03-01"}


def use_settings(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    """Change the deployment's settings."""
    settings = json.loads(os.environ["AIRFLOW_VAR_TAPELINE_SETTINGS"]) | changes
    monkeypatch.setenv("AIRFLOW_VAR_TAPELINE_SETTINGS", json.dumps(settings))


def loaded_symbols(market: Market) -> list[str]:
    return [row[0] for row in market.rows()] if market.curated_files() else []


def test_a_dry_run_shows_its_plan_and_writes_nothing(
    market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    buckets = (market.settings.raw_bucket, market.settings.curated_bucket)
    before = [market.listing(bucket) for bucket in buckets], market.dynamodb()
    market.control("DELETE", "/_requests")
    logging.getLogger("include.prices.tasks").addHandler(
        caplog.handler
    )  # Airflow replaces the root's handlers
    run = market.run(symbols=["aapl", "IBM"], dry_run=True, override_config={"chunk_size": 1})
    assert run.state == "success"
    assert run.tasks["plan_chunks"] == ["skipped"]
    assert ([market.listing(bucket) for bucket in buckets], market.dynamodb()) == before
    assert market.control("GET", "/_requests")["kinds"] == {}
    assert "0000 AAPL (1): AAPL" in caplog.text
    assert market.table.manifest_key(FRIDAY) in caplog.text


def test_a_typo_ends_the_command_at_the_first_task_and_is_named(market: Market) -> None:
    conf = market.conf(symbols=["AAPL"], perod="3mo", override_config={"chunksize": 3})
    command = ["airflow", "dags", "test", "prices_daily", "2013-03-01", "--conf", json.dumps(conf)]
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode != 0
    assert "unknown key 'perod': did you mean 'period'?" in done.stdout
    assert "unknown key 'override_config.chunksize': did you mean 'chunk_size'?" in done.stdout
    assert "starting task_id=plan_chunks" not in done.stdout
    assert market.raw_listing() == {}


def test_a_second_run_of_one_correlation_id_does_nothing_and_is_no_failure(market: Market) -> None:
    first = market.run(symbols=["AAPL"], correlation_id="one", **DAY)
    before = market.raw_listing(), market.curated_files(), market.dynamodb()
    second = market.run(symbols=["IBM"], correlation_id="one", **DAY)
    assert (first.state, second.state) == ("success", "success")
    assert second.tasks["plan_chunks"] == ["skipped"]
    assert (market.raw_listing(), market.curated_files(), market.dynamodb()) == before
    assert loaded_symbols(market) == ["AAPL"]


def test_a_failed_run_can_be_followed_under_its_correlation_id_by_one_that_asks_the_same(
    market: Market,
) -> None:
    asked = {"symbols": ["AAPL", "IBM"], "correlation_id": "one", **DAY}
    market.control("POST", "/_faults", ["symbol:IBM=403"])
    failed = market.run(**asked)
    market.control("POST", "/_faults", [])
    assert failed.tasks["check_failures"] == ["failed"]
    assert loaded_symbols(market) == ["AAPL"]
    other = market.run(**{**asked, "symbols": ["MSFT"]})
    assert other.tasks["plan_chunks"] == ["failed"]
    dry = market.run(**asked, dry_run=True)
    assert dry.tasks["plan_chunks"] == ["skipped"]
    assert loaded_symbols(market) == ["AAPL"]
    assert market.run(**asked).state == "success"
    assert market.rows() == recorded_rows(["AAPL", "IBM"], "2013-03-01")
    assert market.manifest().failed_symbols == []


def test_the_universe_is_the_parameter_then_the_object_then_the_payload(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameter, key = f"/{market.table_name}/symbols", f"_config/{market.table_name}.json"
    use_settings(monkeypatch, symbols_parameter=parameter, symbols_key=key)
    market.raw.write(key, b'["ibm"]')
    market.run(symbols=["MSFT"], **DAY)
    assert loaded_symbols(market) == ["IBM"]
    market.aws.client("ssm").put_parameter(Name=parameter, Type="String", Value="goog, goog")
    market.run(symbols=["MSFT"], **DAY)
    assert loaded_symbols(market) == ["GOOG", "IBM"]
    market.run(symbols=["MSFT"], force_symbols=["AAPL"], **DAY)
    assert loaded_symbols(market) == ["AAPL", "GOOG", "IBM"]


@pytest.mark.parametrize(("conf", "status"), [({}, "success"), ({"perod": "1d"}, "failed")])
def test_each_run_is_counted_in_cloudwatch(market: Market, conf: dict[str, object], status: str) -> None:
    before = market.executions("manual", status)
    assert market.run(**DAY, **conf).state == status
    assert market.executions("manual", status) == before + 1
    assert loaded_symbols(market) == (["AAPL"] if status == "success" else [])  # what is asked by default
