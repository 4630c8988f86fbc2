"""The client against the replay server: real HTTP, every failure by its name."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import polars as pl
import pytest

from devstack.replay.prices import demo_file
from include.clients.fmp import EXCHANGES, RATIOS, FmpClient, Ratios
from include.core.errors import (
    CredentialsMissing,
    EmptyAnswer,
    InvalidRequest,
    MalformedAnswer,
    NotInPlan,
    RateLimited,
    RequestRefused,
    SourceUnavailable,
    SymbolNotFound,
    TerminalError,
    TransientError,
    WrongAnswer,
)
from tests.clients.fmp.conftest import Source

pytestmark = pytest.mark.integration
WEEK = (date(2013, 2, 25), date(2013, 3, 1))
ALL = (date(2000, 1, 1), date(2013, 3, 31))
Commit = Callable[..., None]
MakeClient = Callable[..., FmpClient]


def test_every_recorded_price_comes_back_to_the_digit_oldest_first(client: FmpClient, source: Source) -> None:
    recorded = pl.read_csv(demo_file(), try_parse_dates=True).select(
        pl.col("Ticker").alias("symbol"),
        pl.col("Date").alias("date"),
        *(pl.col(name).cast(pl.Float64).alias(name.lower()) for name in ("Open", "High", "Low", "Close")),
        pl.col("Volume").alias("volume"),
    )
    for symbol in ("AAPL", "FB", "GOOG", "IBM", "MSFT"):
        found = client.fetch_prices(symbol, *ALL)
        expected = recorded.filter(pl.col("symbol") == symbol).sort("date")
        assert (found.faults, found.empty) == ([], False)
        assert found.prices.equals(expected), symbol
    assert source.replay.kinds == {"historical-price-eod": 5}


def test_only_the_asked_days_are_asked_for_both_included(client: FmpClient, source: Source) -> None:
    days = client.fetch_prices("AAPL", *WEEK).prices["date"]
    assert (days[0], days[-1], len(days)) == (*WEEK, 5)
    url = "/stable/historical-price-eod/full?symbol=AAPL&from=2013-02-25&to=2013-03-01"
    assert [seen.url for seen in source.recorder.seen] == [url]


def test_a_history_longer_than_one_answer_is_asked_for_in_parts(client: FmpClient, source: Source, monkeypatch: Any) -> None:  # fmt: skip
    monkeypatch.setattr("include.clients.fmp.client.PRICES_PER_ANSWER", 1000)
    monkeypatch.setattr(source.replay.routers[1], "prices_per_answer", 1000)
    found = client.fetch_prices("IBM", *ALL)
    assert (found.prices.height, found.prices["date"].n_unique(), found.faults) == (3270, 3270, [])
    assert found.prices["date"].is_sorted()
    assert source.replay.kinds == {"historical-price-eod": 4}


@pytest.mark.parametrize(
    ("symbol", "days"),
    [
        pytest.param("FB", (date(2003, 1, 6), date(2003, 1, 31)), id="before it was listed"),
        pytest.param("FB", (date(2013, 2, 23), date(2013, 2, 24)), id="a weekend"),
        pytest.param("NOSUCH", WEEK, id="a symbol that FMP does not know"),
    ],
)
def test_no_prices_is_an_outcome_not_an_error(
    client: FmpClient, symbol: str, days: tuple[date, date]
) -> None:
    found = client.fetch_prices(symbol, *days)
    assert (found.empty, found.prices.height, [fault.kind for fault in found.faults]) == (
        True,
        0,
        ["no_data"],
    )
    assert found.prices.schema == client.fetch_prices("AAPL", *WEEK).prices.schema


def test_the_listings_of_an_exchange_say_what_each_is(client: FmpClient) -> None:
    listings = client.list_symbols("NASDAQ")
    assert listings.faults == []
    found = {listing.symbol: listing for listing in listings}
    assert {"AAPL", "FB", "GOOG", "MSFT"} < found.keys()
    apple = found["AAPL"]
    assert (apple.name, apple.exchange, apple.sector) == ("Apple Inc.", "NASDAQ", "Technology")
    assert (apple.price, apple.is_etf, apple.is_fund, apple.is_actively_trading) == (
        430.47,
        False,
        False,
        True,
    )
    kinds = {(listing.is_etf, listing.is_fund, listing.is_actively_trading) for listing in listings}
    assert kinds == {(False, False, True), (True, False, True), (False, True, True), (False, False, False)}


def test_every_share_class_is_asked_for_at_once(client: FmpClient, source: Source) -> None:
    client.list_symbols("NYSE")
    assert len(source.recorder.seen) == 1
    assert "includeAllShareClasses=true" in source.recorder.seen[0].url


def test_a_list_longer_than_one_answer_is_asked_for_in_pages(client: FmpClient, source: Source, monkeypatch: Any) -> None:  # fmt: skip
    whole = client.list_symbols("NASDAQ")
    monkeypatch.setattr("include.clients.fmp.client.LISTINGS_PER_ANSWER", 4)
    source.replay.kinds.clear()
    assert client.list_symbols("NASDAQ") == whole
    assert source.replay.kinds == {"company-screener": len(whole) // 4 + 1}


def test_a_source_that_knows_no_pages_and_cuts_its_list_is_found_out(client: FmpClient, source: Source, monkeypatch: Any) -> None:  # fmt: skip
    monkeypatch.setattr("include.clients.fmp.client.LISTINGS_PER_ANSWER", 4)
    screener = source.replay.routers[1]._screener
    cut = ("company-screener", "exchange", lambda query: screener({**query, "page": "0"}))
    monkeypatch.setitem(source.replay.routers[1]._endpoints, "company-screener", cut)
    with pytest.raises(MalformedAnswer, match="NYSE: FMP's list ends at 4 entries"):
        client.list_symbols("NYSE")


def test_ratios_are_numbers_by_our_names(client: FmpClient) -> None:
    found = client.fetch_ratios("MSFT")
    assert (found.symbol, found.faults, found.empty) == ("MSFT", [], False)
    assert all(isinstance(getattr(found, name), float) for name in RATIOS)


def test_a_ratio_that_is_no_finite_number_is_none_and_named(client: FmpClient, commit: Commit) -> None:
    young = client.fetch_ratios("FB")
    assert young.price_to_earnings_growth is None
    assert [(fault.kind, fault.fields) for fault in young.faults] == [
        ("not_a_number", ("price_to_earnings_growth",))
    ]
    commit("symbol:MSFT=nan")
    found = client.fetch_ratios("MSFT")
    bad = ["gross_margin", "operating_margin", "net_margin", "current_ratio"]  # NaN, Infinity, "NaN", "-"
    assert [getattr(found, name) for name in bad] == [None] * 4
    assert [fault.fields for fault in found.faults] == [(name,) for name in bad]
    assert found.quick_ratio is not None


def test_a_symbol_without_ratios_is_an_outcome(client: FmpClient) -> None:
    found = client.fetch_ratios("NOSUCH")
    assert found.empty
    assert found == Ratios("NOSUCH", faults=found.faults)
    assert [fault.kind for fault in found.faults] == ["no_data"]


@pytest.mark.parametrize(
    ("fault", "error", "requests"),
    [
        ("400", RequestRefused, 1),
        ("401", CredentialsMissing, 1),
        ("402", NotInPlan, 1),
        ("403", CredentialsMissing, 1),
        ("404", SymbolNotFound, 1),
        ("422", RequestRefused, 1),
        ("429", RateLimited, 3),
        ("500", SourceUnavailable, 3),
        ("503", SourceUnavailable, 3),
        ("reset", SourceUnavailable, 3),
        ("malformed", MalformedAnswer, 3),
        ("truncated", MalformedAnswer, 3),
        ("null_result", MalformedAnswer, 3),
        ("error_message", MalformedAnswer, 3),
        ("wrong_symbol", WrongAnswer, 1),
    ],
)
def test_each_failure_has_its_name_and_only_transient_ones_are_tried_again(
    client: FmpClient, source: Source, commit: Commit, fault: str, error: type[Exception], requests: int
) -> None:
    commit(f"symbol:AAPL={fault}")
    assert issubclass(error, TransientError if requests > 1 else TerminalError)
    with pytest.raises(error, match="AAPL"):
        client.fetch_prices("AAPL", *WEEK)
    assert source.replay.kinds == {"historical-price-eod": requests}
    with pytest.raises(error, match="AAPL"):
        client.fetch_ratios("AAPL")


def test_a_server_that_is_not_there_is_named(make_client: MakeClient) -> None:
    with pytest.raises(SourceUnavailable, match="no connection"):
        make_client(url="http://127.0.0.1:1").fetch_ratios("AAPL")


@pytest.mark.parametrize("fault", ["429", "500", "reset", "truncated"])
def test_a_failure_that_passes_is_not_seen(
    client: FmpClient, source: Source, commit: Commit, fault: str
) -> None:
    commit(f"symbol:IBM={fault}*2")
    assert client.fetch_prices("IBM", *WEEK).prices.height == 5
    assert source.replay.kinds == {"historical-price-eod": 3}


@pytest.mark.parametrize(
    ("fault", "kinds", "rows"),
    [
        ("negative", ["negative_price"], 4),
        ("absurd", ["absurd_price"], 4),
        ("nan", ["not_a_number"], 4),
        ("null_volume", ["missing"], 4),
        ("null_prices", ["missing"] * 5, 0),
        ("duplicate_timestamps", ["duplicate_date"], 5),
        ("unsorted", [], 5),
        ("missing_days", [], 4),
    ],
)
def test_a_row_that_cannot_be_true_is_refused_and_the_others_are_kept(
    client: FmpClient, commit: Commit, fault: str, kinds: list[str], rows: int
) -> None:
    commit(f"symbol:IBM@historical-price-eod={fault}")
    found = client.fetch_prices("IBM", *WEEK)
    assert [entry.kind for entry in found.faults] == kinds
    assert (found.prices.height, found.prices["date"].is_sorted(), found.empty) == (rows, True, False)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("empty", EmptyAnswer), ("402", NotInPlan), ("404", RequestRefused), ("truncated", MalformedAnswer)],
)
def test_a_failed_list_of_symbols_is_an_error_never_a_short_list(
    client: FmpClient, commit: Commit, fault: str, error: type[Exception]
) -> None:
    commit(f"symbol:NYSE={fault}")
    with pytest.raises(error, match="NYSE"):
        client.list_symbols("NYSE")
    assert client.list_symbols("NASDAQ")


def test_a_symbol_that_is_listed_twice_counts_once_and_is_named(client: FmpClient, commit: Commit) -> None:
    right = client.list_symbols("NASDAQ")
    commit("symbol:NASDAQ=duplicate_timestamps")
    found = client.list_symbols("NASDAQ")
    assert sorted(listing.symbol for listing in found) == sorted(listing.symbol for listing in right)
    assert [fault.kind for fault in found.faults] == ["duplicate_symbol"]


def test_one_client_may_be_shared_by_threads(client: FmpClient, source: Source) -> None:
    symbols = ["AAPL", "FB", "GOOG", "IBM", "MSFT"] * 8
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda symbol: client.fetch_prices(symbol, *WEEK), symbols))
    assert [prices.prices["symbol"][0] for prices in found] == symbols
    assert source.replay.kinds == {"historical-price-eod": 40}


def test_dates_the_wrong_way_round_and_an_unknown_exchange_are_refused_unasked(client: FmpClient, source: Source) -> None:  # fmt: skip
    with pytest.raises(InvalidRequest, match="before the first day"):
        client.fetch_prices("IBM", *reversed(WEEK))
    with pytest.raises(InvalidRequest, match=", ".join(EXCHANGES)):
        client.list_symbols("LSE")
    assert not source.recorder.seen
