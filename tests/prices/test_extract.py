"""What becomes of a symbol: its outcome, its objects, its requests, and what the breaker hears of it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from devstack.replay.app import Replay
from devstack.replay.faults import Faults
from include.clients.aws import Aws
from include.clients.circuit_breaker import CircuitBreaker
from include.clients.object_store import ObjectStore
from include.clients.rate_limit import RateLimit
from include.clients.yahoo import YahooClient
from include.core.errors import CircuitOpen
from include.core.settings import Settings
from include.prices.chunks import make_extractor
from include.prices.config import PricesRequest
from include.prices.extract import QUICK_ATTEMPTS, Extractor
from include.prices.plan import Plan, plan_run
from include.prices.receipts import Outcome
from include.prices.universe import Universe

pytestmark = pytest.mark.integration
FRIDAY = date(2013, 3, 1)


def plan_of(*symbols: str, **asked: Any) -> Plan:
    request = PricesRequest.model_validate(
        {"start": "2013-02-27", "override_config": {"rate_limit_per_minute": 100_000}, **asked}
    )
    return plan_run(
        request, Universe(list(symbols), "payload"), session=FRIDAY, correlation_id="c", max_map_length=1024
    )


@pytest.fixture
def extractor(aws: Aws, settings: Settings, replay_url: str) -> Extractor:
    return make_extractor(plan_of("AAPL"), YahooClient(replay_url, timeout=5), aws, settings)


def extract(extractor: Extractor, plan: Plan, earlier: tuple[Outcome, ...] = ()) -> list[Outcome]:
    found = [outcome for chunk in plan.chunks for outcome in extractor.extract_chunk(plan, chunk, earlier)]
    return sorted(found, key=lambda outcome: (outcome.symbol, str(outcome.ds)))


def errors(outcomes: list[Outcome]) -> dict[str, tuple[str, str | None, bool]]:
    return {outcome.symbol: (outcome.status, outcome.error, outcome.transient) for outcome in outcomes}


def test_a_symbol_and_day_is_one_object_in_the_wire_format(extractor: Extractor, raw: ObjectStore) -> None:
    plan = plan_of("AAPL")
    outcomes = extract(extractor, plan)
    assert [(outcome.status, str(outcome.ds), outcome.records) for outcome in outcomes] == [
        ("written", "2013-02-27", 1), ("written", "2013-02-28", 1), ("written", "2013-03-01", 1),
    ]  # fmt: skip
    assert outcomes[-1].key == plan.request.raw_table.object_key(FRIDAY, "AAPL")
    row = json.loads(raw.read(outcomes[-1].key))
    assert list(row) == [
        "symbol", "timestamp", "open", "high", "low", "close", "adjusted_close", "volume",
    ]  # fmt: skip
    assert (row["symbol"], row["timestamp"], row["close"]) == ("AAPL", "2013-03-01T00:00:00Z", 430.47)


def test_an_object_that_exists_is_skipped_and_overwritten_when_asked(
    extractor: Extractor, raw: ObjectStore
) -> None:
    plan = plan_of("AAPL", start="2013-03-01")
    key = extract(extractor, plan)[0].key
    assert key is not None
    raw.write(key, b"mine")
    assert [outcome.status for outcome in extract(extractor, plan)] == ["skipped"]
    assert raw.read(key) == b"mine"
    overwriting = plan_of("AAPL", start="2013-03-01", override_config={"overwrite": True})
    assert [outcome.status for outcome in extract(extractor, overwriting)] == ["written"]
    assert raw.read(key) != b"mine"


@pytest.mark.parametrize(
    ("fault", "outcome", "requests"),
    [
        ("delisted", ("failed", "SymbolNotFound", False), 1),
        ("403", ("failed", "RequestRefused", False), 1),
        ("wrong_symbol", ("failed", "WrongAnswer", False), 1),
        ("empty", ("empty", "NoBars", False), 1),
        ("429", ("failed", "RateLimited", True), QUICK_ATTEMPTS),
        ("500", ("failed", "SourceUnavailable", True), QUICK_ATTEMPTS),
        ("reset", ("failed", "SourceUnavailable", True), QUICK_ATTEMPTS),
        ("malformed", ("failed", "MalformedAnswer", True), QUICK_ATTEMPTS),
        ("truncated", ("failed", "MalformedAnswer", True), QUICK_ATTEMPTS),
    ],
)
def test_a_fault_has_a_name_and_leaves_the_chunks_other_symbols_alone(
    extractor: Extractor, replay: Replay, fault: str, outcome: tuple[str, str, bool], requests: int
) -> None:
    replay.faults = Faults([f"symbol:IBM={fault}"])
    found = errors(extract(extractor, plan_of("AAPL", "IBM")))
    assert found == {"AAPL": ("written", None, False), "IBM": outcome}
    assert replay.symbols == {"AAPL": 1, "IBM": requests}


def test_a_quick_retry_mends_a_short_fault(extractor: Extractor, replay: Replay) -> None:
    replay.faults = Faults(["symbol:IBM=500*2"])
    assert errors(extract(extractor, plan_of("IBM"))) == {"IBM": ("written", None, False)}
    assert replay.symbols == {"IBM": 3}


def test_a_later_attempt_asks_only_for_what_may_succeed(extractor: Extractor, replay: Replay) -> None:
    replay.faults = Faults(["symbol:IBM=500*3", "symbol:MSFT=delisted"])
    plan = plan_of("AAPL", "IBM", "MSFT")
    first = extract(extractor, plan)
    second = extract(extractor, plan, tuple(first))
    assert errors(second) == {
        "AAPL": ("written", None, False), "IBM": ("written", None, False),
        "MSFT": ("failed", "SymbolNotFound", False),
    }  # fmt: skip
    assert replay.symbols == {"AAPL": 1, "IBM": 4, "MSFT": 1}


def test_a_session_without_a_bar_is_missing_and_one_without_prices_invalid(
    extractor: Extractor, replay: Replay
) -> None:
    replay.faults = Faults(["symbol:AAPL=missing_days", "symbol:IBM=null_prices"])
    found = extract(extractor, plan_of("AAPL", "IBM"))
    missing = [outcome for outcome in found if outcome.status == "missing"]
    assert [(outcome.symbol, outcome.error) for outcome in missing] == [("AAPL", "MissingSession")]
    assert [(o.status, o.error) for o in found if o.symbol == "IBM"] == [("invalid", "prices_missing")] * 3


def test_one_bad_symbol_does_not_open_the_circuit(extractor: Extractor, replay: Replay) -> None:
    replay.faults = Faults(["symbol:IBM=500", "symbol:MSFT=malformed"])
    plan = plan_of("IBM", "MSFT")
    for _ in range(3):
        extract(extractor, plan)
    assert errors(extract(extractor, plan_of("AAPL"))) == {"AAPL": ("written", None, False)}


def test_five_symbols_in_a_row_without_an_answer_open_it(
    aws: Aws, settings: Settings, replay_url: str, replay: Replay, raw: ObjectStore
) -> None:
    table = aws.table(settings.source_table)
    breaker = CircuitBreaker(table, "s")
    extractor = Extractor(YahooClient(replay_url), raw, RateLimit(table, "s", 100_000), breaker)
    replay.faults = Faults(["rate:500=1"])
    for symbol in ("A", "B", "C", "D"):
        extract(extractor, plan_of(symbol))
        breaker.before_call()
    extract(extractor, plan_of("E"))
    with pytest.raises(CircuitOpen):
        breaker.before_call()
    asked = replay.kinds["chart"]
    assert errors(extract(extractor, plan_of("AAPL"))) == {"AAPL": ("failed", "CircuitOpen", True)}
    assert replay.kinds["chart"] == asked == 5 * QUICK_ATTEMPTS
