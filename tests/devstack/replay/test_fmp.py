"""The answers of FMP's part of the replay, from the router itself: no network."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest

from devstack.replay.faults import ENDPOINTS, KINDS, STATUSES, Faults, InvalidFault
from devstack.replay.fmp import FmpRouter
from devstack.replay.fmp_listings import EXCHANGES
from devstack.replay.prices import Prices, load_prices
from devstack.replay.reply import Reply

HISTORY = "historical-price-eod/full"


@pytest.fixture(scope="module")
def prices() -> Prices:
    return load_prices()


@pytest.fixture
def router(prices: Prices) -> FmpRouter:
    return FmpRouter(prices)


@pytest.fixture(scope="module")
def universe(tmp_path_factory: pytest.TempPathFactory) -> Prices:
    """Prices of a user's own: 300 symbols, one of which ended years ago."""
    file: Path = tmp_path_factory.mktemp("universe") / "prices.parquet"
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(400)]
    symbols = [f"S{n:03d}" for n in range(300)]
    frame = pl.DataFrame({"symbol": symbols}).join(pl.DataFrame({"date": days}), how="cross")
    frame = frame.filter((pl.col("symbol") != "S007") | (pl.col("date") < date(2024, 3, 1)))
    frame.with_columns(
        pl.lit(10.1).alias("open"), pl.lit(12.0).alias("high"), pl.lit(9.9).alias("low"),
        pl.lit(11.0).alias("close"), pl.lit(1000).alias("volume"),
    ).write_parquet(file)  # fmt: skip
    return load_prices(file)


def ask(router: FmpRouter, endpoint: str, fault: str = "", key: str = "any", **query: Any) -> tuple[int, Any]:
    text = urlencode({name.rstrip("_"): value for name, value in query.items()}).encode()
    asked = router.read(f"/stable/{endpoint}", text, {b"apikey": key.encode()} if key else {})
    reply = asked if isinstance(asked, Reply) else router.answer(asked, fault)
    return reply.status, json.loads(reply.body)


def test_prices_are_newest_first_as_they_were_quoted_and_both_days_included(router: FmpRouter) -> None:
    status, rows = ask(router, HISTORY, symbol="aapl", from_="2013-02-25", to="2013-03-01")
    assert status == 200
    assert [row["date"] for row in rows] == [
        f"2013-{day}" for day in ("03-01", "02-28", "02-27", "02-26", "02-25")
    ]
    first = {name: rows[0][name] for name in ("symbol", "open", "high", "low", "close", "volume")}
    assert first == {
        "symbol": "AAPL", "open": 438.0, "high": 438.1799, "low": 429.98, "close": 430.47, "volume": 19730300
    }  # fmt: skip


def test_an_answer_ends_at_its_most_rows_with_the_newest(router: FmpRouter) -> None:
    router.prices_per_answer = 3
    assert [row["date"] for row in ask(router, HISTORY, symbol="IBM")[1]] == [
        "2013-03-01",
        "2013-02-28",
        "2013-02-27",
    ]


@pytest.mark.parametrize("endpoint", [HISTORY, "ratios-ttm"])
def test_an_unknown_symbol_is_an_empty_list(router: FmpRouter, endpoint: str) -> None:
    assert ask(router, endpoint, symbol="NOSUCH") == (200, [])


@pytest.mark.parametrize(("right", "given", "status"), [(None, "", 401), (None, "x", 200), ("x", "y", 401), ("x", "x", 200)])  # fmt: skip
def test_every_request_needs_the_key(prices: Prices, right: str | None, given: str, status: int) -> None:
    assert ask(FmpRouter(prices, right), "ratios-ttm", key=given, symbol="IBM")[0] == status


@pytest.mark.parametrize(
    ("endpoint", "query", "status"),
    [
        ("no-such", {"symbol": "IBM"}, 404),
        (HISTORY, {}, 400),
        (HISTORY, {"symbol": "IBM", "from_": "x"}, 400),
    ],
)
def test_what_is_not_served_is_refused_in_fmps_form(
    router: FmpRouter, endpoint: str, query: dict[str, str], status: int
) -> None:
    found = ask(router, endpoint, **query)
    assert (found[0], list(found[1])) == (status, ["Error Message"])


def test_recorded_symbols_and_entries_that_are_no_common_stock_are_listed(
    router: FmpRouter, prices: Prices
) -> None:
    listed = [
        entry for exchange in EXCHANGES for entry in ask(router, "company-screener", exchange=exchange)[1]
    ]
    symbols = Counter(entry["symbol"] for entry in listed)
    assert max(symbols.values()) == 1
    assert prices.places.keys() < symbols.keys()
    for exchange in EXCHANGES:
        made = [
            entry
            for entry in listed
            if entry["exchangeShortName"] == exchange and entry["symbol"] not in prices.places
        ]
        names = " ".join(entry["companyName"] for entry in made)
        assert all(word in names for word in ("ETF", "Fund", "Preferred", "Warrant", "Right", "Unit"))
        assert [entry["isEtf"] for entry in made].count(True) == 1
        assert [entry["isFund"] for entry in made].count(True) == 1
        assert [entry["isActivelyTrading"] for entry in made].count(False) == 1


def test_a_users_own_symbols_are_spread_over_the_exchanges_always_the_same(universe: Prices) -> None:
    listed = {
        exchange: [
            entry["symbol"] for entry in ask(FmpRouter(universe), "company-screener", exchange=exchange)[1]
        ]
        for exchange in EXCHANGES
    }
    again = {
        exchange: [
            entry["symbol"] for entry in ask(FmpRouter(universe), "company-screener", exchange=exchange)[1]
        ]
        for exchange in EXCHANGES
    }
    assert listed == again
    assert all(len(symbols) > 60 for symbols in listed.values())
    assert sum(symbol in universe.places for symbols in listed.values() for symbol in symbols) == 300


def test_a_symbol_whose_prices_ended_trades_no_more(universe: Prices) -> None:
    router = FmpRouter(universe)
    inactive = [
        entry["symbol"]
        for exchange in EXCHANGES
        for entry in ask(router, "company-screener", exchange=exchange, isActivelyTrading="false")[1]
    ]
    assert [symbol for symbol in inactive if symbol in universe.places] == ["S007"]


def test_the_screener_has_pages(router: FmpRouter) -> None:
    whole = ask(router, "company-screener", exchange="NASDAQ")[1]
    pages = [ask(router, "company-screener", exchange="NASDAQ", limit=4, page=page)[1] for page in range(4)]
    assert [entry for page in pages for entry in page] == whole


def test_ratios_come_from_prices_and_a_young_company_has_one_that_is_no_number(router: FmpRouter) -> None:
    first, again = ask(router, "ratios-ttm", symbol="IBM")[1], ask(router, "ratios-ttm", symbol="IBM")[1]
    assert first == again
    assert ask(router, "ratios-ttm", symbol="MSFT")[1] != first
    (young,) = ask(router, "ratios-ttm", symbol="FB")[1]
    growth = young["priceToEarningsGrowthRatioTTM"]
    assert growth != growth


@pytest.mark.parametrize("kind", sorted(KINDS - set(STATUSES)))
@pytest.mark.parametrize(("endpoint", "query"), [(HISTORY, {"symbol": "IBM", "from_": "2013-01-02"}), (HISTORY, {"symbol": "NOSUCH"}),
                                                 ("ratios-ttm", {"symbol": "IBM"}), ("company-screener", {"exchange": "NYSE"})])  # fmt: skip
def test_a_fault_of_content_can_meet_any_answer_and_leaves_the_next_as_it_was(
    router: FmpRouter, kind: str, endpoint: str, query: dict[str, str]
) -> None:
    right = ask(router, endpoint, **query)
    assert ask(router, endpoint, kind, **query)[0] == 200
    assert ask(router, endpoint, **query) == right


def test_a_fault_may_be_for_one_endpoint_only() -> None:
    faults = Faults(["symbol:ibm@ratios-ttm=nan", "symbol:NYSE=empty*1"])
    assert [faults.next_for("IBM", endpoint) for endpoint in ENDPOINTS] == [None, None, None, "nan"]
    assert [faults.next_for("NYSE", "company-screener") for _ in range(2)] == ["empty", None]
    with pytest.raises(InvalidFault, match="no endpoint 'ratios'"):
        Faults(["symbol:IBM@ratios=nan"])


def test_each_endpoint_counts_its_own_first_requests() -> None:
    faults = Faults(["symbol:IBM=429*1"])
    assert [faults.next_for("IBM", endpoint) for endpoint in ENDPOINTS] == ["429"] * 4
