"""A price request by event: its rows are loaded once, and its message is deleted only after that."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from devstack.home import REPO
from devstack.ports import free_port
from tests.event_queues import EventQueues, run_on_event
from tests.market import Market, recorded_rows

pytestmark = pytest.mark.integration
START = {"start": "2013-02-28"}


@pytest.fixture
def queues(market: Market) -> EventQueues:
    return EventQueues(market)


def test_nothing_waits_so_the_run_is_green_and_skipped(market: Market, queues: EventQueues) -> None:
    before = [market.executions("event", status) for status in ("success", "failed")]
    run = run_on_event()
    assert run.state == "success"
    assert run.tasks.pop("receive_work") == run.tasks.pop("close_run") == ["success"]
    assert {state for states in run.tasks.values() for state in states} == {"skipped"}
    assert [market.executions("event", status) for status in ("success", "failed")] == before


def test_an_event_becomes_rows_and_its_message_is_deleted(market: Market, queues: EventQueues) -> None:
    before = market.executions("event", "success")
    event_id = queues.ask(market.conf(symbols=["AAPL", "IBM"], **START))
    run = run_on_event()
    assert run.state == "success"
    assert market.rows() == recorded_rows(["AAPL", "IBM"], "2013-02-28")
    assert market.manifest().batch_id == f"market:{market.table_name}:2013-03-01:{event_id}"
    assert queues.requests.depth().total == 0
    assert run.results["acknowledge_request"] == [True]
    assert market.executions("event", "success") == before + 1


def test_a_symbol_that_was_added_by_an_event_on_the_bus_is_fetched_whatever_the_universe_says(
    market: Market, queues: EventQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"_config/{market.table_name}.json"
    settings = json.loads(os.environ["AIRFLOW_VAR_TAPELINE_SETTINGS"]) | {"symbols_key": key}
    monkeypatch.setenv("AIRFLOW_VAR_TAPELINE_SETTINGS", json.dumps(settings))
    market.raw.write(key, b'["IBM"]')
    queues.publish(market.conf(symbol="msft", end="2013-03-01", **START), detail_type="SymbolAdded")
    wait_until(lambda: queues.requests.depth().visible == 1)
    assert run_on_event().state == "success"
    assert market.rows() == recorded_rows(["MSFT"], "2013-02-28")


def test_an_event_that_is_delivered_twice_does_its_work_once(market: Market, queues: EventQueues) -> None:
    detail = market.conf(symbols=["AAPL"], **START)
    for _ in range(2):
        queues.ask(detail, id="one")
    first = run_on_event()
    before = market.raw_listing(), market.curated_files(), market.audit(), market.dynamodb()
    second = run_on_event()
    assert (first.state, second.state) == ("success", "success")
    assert second.tasks["plan_chunks"] == ["skipped"]
    assert (market.raw_listing(), market.curated_files(), market.audit(), market.dynamodb()) == before
    assert queues.requests.depth().total == 0


def test_a_request_that_another_run_is_at_stays_in_the_queue(market: Market, queues: EventQueues) -> None:
    from include.clients.idempotency import IdempotencyLedger

    queues.ask(market.conf(symbols=["AAPL"], **START), id="one")
    ledger = IdempotencyLedger(market.aws.table(market.settings.idempotency_table))
    assert ledger.claim(f"market:{market.table_name}:2013-03-01:one", owner="another run").ours
    run = run_on_event()
    assert run.state == "success"
    assert run.results["acknowledge_request"] == [False]
    assert queues.requests.depth().in_flight == 1
    assert market.raw_listing() == {}


def test_wrong_events_become_letters_with_every_fault_and_the_good_one_behind_them_is_done(
    market: Market, queues: EventQueues
) -> None:
    refused = market.executions("event", "failed")
    queues.ask(market.conf(perod="3mo", symbols="AAPL"), id="bad-1")
    queues.requests.send("not JSON")
    queues.ask(market.conf(symbols=["AAPL"], **START))
    assert run_on_event().state == "success"
    assert market.rows() == recorded_rows(["AAPL"], "2013-02-28")
    assert queues.requests.depth().total == 0
    letters = {letter["correlation_id"]: letter for letter in queues.letters(queues.request_letters)}
    assert set(letters) == {"bad-1", None}
    assert {letter["code"] for letter in letters.values()} == {"E001"}
    assert {letter["source_queue"] for letter in letters.values()} == {queues.requests.name}
    assert "unknown key 'perod': did you mean 'period'?" in letters["bad-1"]["message"]
    assert "symbols: Input should be a valid list" in letters["bad-1"]["message"]
    assert json.loads(letters["bad-1"]["original_body"])["id"] == "bad-1"
    assert letters[None]["original_body"] == "not JSON"
    assert market.executions("event", "failed") == refused + 2


def test_a_run_that_fails_before_its_load_keeps_its_message_and_the_next_one_does_the_work(
    market: Market, queues: EventQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.ask(market.conf(symbols=["AAPL"], **START))
    with monkeypatch.context() as away:
        warehouse = json.loads(os.environ["AIRFLOW_CONN_CLICKHOUSE_DEFAULT"]) | {"port": free_port()}
        away.setenv("AIRFLOW_CONN_CLICKHOUSE_DEFAULT", json.dumps(warehouse))
        failed = run_on_event()
    assert failed.state == "failed"
    assert failed.tasks["load_files"] == ["failed"]
    assert failed.tasks["acknowledge_request"] == ["upstream_failed"]
    assert queues.requests.depth().in_flight == 1
    queues.give_back(failed)
    assert run_on_event().state == "success"
    assert market.rows() == recorded_rows(["AAPL"], "2013-02-28")
    assert queues.requests.depth().total == 0


KILLED_RUN = """
from tests.faults.killed_run import instead
from include.prices import price_events
instead("include.clients.warehouse.load:write_audit")
price_events.VISIBILITY_SECONDS = 1
from tests.event_queues import run_on_event
run_on_event()
"""


def test_the_message_of_a_run_that_is_killed_as_it_loads_comes_back_and_the_next_run_does_the_work(
    market: Market, queues: EventQueues
) -> None:
    event_id = queues.ask(market.conf(symbols=["AAPL"], **START))
    done = subprocess.run([sys.executable, "-c", KILLED_RUN], cwd=REPO, timeout=200, check=False)
    assert done.returncode == -signal.SIGKILL
    assert queues.requests.depth().total == 1
    # as if the dead run's lease had passed
    market.aws.table(market.settings.idempotency_table).update_item(
        Key={"id": f"market:{market.table_name}:2013-03-01:{event_id}"},
        UpdateExpression="SET lease_until = :past",
        ExpressionAttributeValues={":past": 0},
    )
    wait_until(lambda: queues.requests.depth().visible == 1)
    assert run_on_event().state == "success"
    assert market.rows() == recorded_rows(["AAPL"], "2013-02-28")
    assert queues.requests.depth().total == 0


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_run_that_lost_symbols_keeps_its_message(market: Market, queues: EventQueues) -> None:
    market.control("POST", "/_faults", ["symbol:IBM=403"])
    queues.ask(market.conf(symbols=["AAPL", "IBM"], **START))
    failed = run_on_event()
    market.control("POST", "/_faults", [])
    assert failed.tasks["check_failures"] == ["failed"]
    assert queues.requests.depth().in_flight == 1
    queues.give_back(failed)
    assert run_on_event().state == "success"
    assert market.rows() == recorded_rows(["AAPL", "IBM"], "2013-02-28")
    assert queues.requests.depth().total == 0


def test_a_dry_run_by_event_writes_nothing_and_is_done(market: Market, queues: EventQueues) -> None:
    queues.ask(market.conf(symbols=["AAPL"], dry_run=True, **START))
    assert run_on_event().state == "success"
    assert market.raw_listing() == {}
    assert queues.requests.depth().total == 0
