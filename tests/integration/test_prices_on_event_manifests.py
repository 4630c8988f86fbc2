"""Manifests of other systems: curated, loaded, and only then deleted from the queue."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import date

import pytest

from devstack.ports import free_port
from include.core.clock import utc_now
from include.core.contracts import Manifest, ManifestObject
from tests.event_queues import EventQueues, run_on_event
from tests.market import FRIDAY, Market, Row, recorded_rows

pytestmark = pytest.mark.integration
THURSDAY = date(2013, 2, 28)
NAMES = ("open", "high", "low", "close", "adjusted_close", "volume")


@pytest.fixture
def queues(market: Market, monkeypatch: pytest.MonkeyPatch) -> EventQueues:
    """The queues of a deployment that wants the manifests of the domain market."""
    want(monkeypatch, domain="market")
    return EventQueues(market)


def want(monkeypatch: pytest.MonkeyPatch, **trigger: object) -> None:
    settings = json.loads(os.environ["AIRFLOW_VAR_TAPELINE_SETTINGS"]) | {"processing_triggers": [trigger]}
    monkeypatch.setenv("AIRFLOW_VAR_TAPELINE_SETTINGS", json.dumps(settings))


def deliver(market: Market, ds: date, rows: Sequence[Row]) -> str:
    """Write a day's objects and manifest as another system would; return the manifest's key."""
    objects = []
    for symbol, day, *values in rows:
        key = market.table.object_key(ds, symbol)
        bar = {"symbol": symbol, "timestamp": f"{day}T00:00:00Z", **dict(zip(NAMES, values, strict=True))}
        market.raw.write(key, json.dumps(bar).encode() + b"\n")
        objects.append(ManifestObject(symbol=symbol, key=key, records=1))
    table = market.table
    manifest = Manifest(
        environment="vendor", domain="market", table_name=table.table_name, data_source=table.data_source,
        interval="1d", ds=ds, generated_at=utc_now(), batch_id="vendor-7", objects=objects,
    )  # fmt: skip
    key = table.manifest_key(ds)
    market.raw.write(key, manifest.model_dump_json(exclude={"revision"}).encode())
    return key


def recorded(ds: date) -> list[Row]:
    return recorded_rows(["AAPL", "IBM"], f"{ds}", f"{ds}")


def test_a_manifest_of_another_system_becomes_rows(market: Market, queues: EventQueues) -> None:
    before = market.executions("event", "success")
    for ds in (FRIDAY, THURSDAY):
        queues.announce(deliver(market, ds, recorded(ds)))
    queues.announce(market.table.manifest_key(FRIDAY))
    run = run_on_event()
    assert run.state == "success"
    assert run.tasks["plan_chunks"] == run.tasks["acknowledge_request"] == ["skipped"]
    assert run.results["load_manifests"] == [{"loaded": 2, "skipped": 0, "rows": 4}]
    assert run.results["acknowledge_manifests"] == [3]
    assert market.rows() == recorded_rows(["AAPL", "IBM"], "2013-02-28")
    assert queues.manifests.depth().total == 0
    assert market.executions("event", "success") == before + 1


def test_manifests_wait_until_no_request_does(market: Market, queues: EventQueues) -> None:
    queues.announce(deliver(market, FRIDAY, recorded(FRIDAY)))
    queues.ask(market.conf(symbols=["MSFT"], start="2013-03-01"))
    run = run_on_event()
    assert run.tasks["plan_transforms"] == ["skipped"]
    assert queues.manifests.depth().visible == 1
    # the day's manifest is the union now, and our own run's
    assert market.rows() == recorded_rows(["AAPL", "IBM", "MSFT"], "2013-03-01")
    assert run_on_event().results["plan_transforms"] == [[]]
    assert queues.manifests.depth().total == 0


def test_what_our_own_runs_wrote_and_what_nobody_wants_is_left_alone(
    market: Market, queues: EventQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.run(symbols=["AAPL"], start="2013-03-01")
    want(monkeypatch, domain="market", min_size=400)
    queues.announce(market.table.manifest_key(FRIDAY))
    queues.announce(deliver(market, THURSDAY, recorded(THURSDAY)), size=399)
    before = market.executions("event", "success")
    run = run_on_event()
    assert run.state == "success"
    assert run.tasks["curate_manifests"] == run.tasks["acknowledge_manifests"] == ["skipped"]
    assert queues.manifests.depth().total == 0
    assert market.rows() == recorded_rows(["AAPL"], "2013-03-01")
    assert market.executions("event", "success") == before


def test_a_manifest_that_cannot_be_curated_is_a_letter_and_holds_up_no_other_table(
    market: Market, make_market: Callable[..., Market], queues: EventQueues
) -> None:
    other = make_market()
    negative = [(*row[:2], -1.0, *row[3:]) for row in recorded(FRIDAY)]
    bad = deliver(other, FRIDAY, negative)  # type: ignore[arg-type]
    queues.announce(bad)
    queues.announce(deliver(market, FRIDAY, recorded(FRIDAY)))
    run = run_on_event()
    assert run.state == "failed"
    assert sorted(run.tasks["acknowledge_manifests"]) == ["success", "upstream_failed"]
    assert market.rows() == recorded(FRIDAY)
    assert other.curated_files() == {}
    assert queues.manifests.depth().total == 0
    (letter,) = queues.letters(queues.manifest_letters)
    assert (letter["code"], letter["error"], letter["key"]) == ("DQ_FAILED", "QualityBelowThreshold", bad)
    assert letter["correlation_id"] == "e1"


def test_manifests_that_are_not_loaded_come_back(
    market: Market, queues: EventQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.announce(deliver(market, FRIDAY, recorded(FRIDAY)))
    warehouse = json.loads(os.environ["AIRFLOW_CONN_CLICKHOUSE_DEFAULT"]) | {"port": free_port()}
    monkeypatch.setenv("AIRFLOW_CONN_CLICKHOUSE_DEFAULT", json.dumps(warehouse))
    run = run_on_event()
    assert run.tasks["curate_manifests"] == ["success"]
    assert run.tasks["load_manifests"] == ["failed"]
    assert run.state == "failed"
    assert queues.manifests.depth().in_flight == 1
    assert queues.letters(queues.manifest_letters) == []
