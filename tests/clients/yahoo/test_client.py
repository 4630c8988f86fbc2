"""The client against the replay server: real HTTP, the real yfinance session."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone

import polars as pl
import pytest

from devstack.replay.app import Replay
from devstack.replay.prices import demo_file
from include.clients.yahoo import YahooClient
from include.core.errors import (
    InvalidRequest,
    InvalidSettings,
    MalformedAnswer,
    RateLimited,
    RequestRefused,
    SourceUnavailable,
    SymbolNotFound,
    WrongAnswer,
)

pytestmark = pytest.mark.integration
WEEK = (date(2013, 2, 25), date(2013, 3, 1))
Commit = Callable[..., None]


def test_every_recorded_price_comes_back_to_the_digit(client: YahooClient) -> None:
    columns = ["symbol", "timestamp", "open", "high", "low", "close", "adjusted_close", "volume"]
    recorded = pl.read_csv(demo_file(), try_parse_dates=True).select(
        pl.col("Ticker").alias("symbol"),
        pl.col("Date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("timestamp"),
        *(pl.col(name).cast(pl.Float64).alias(name.lower()) for name in ("Open", "High", "Low", "Close")),
        pl.col("Adj Close").alias("adjusted_close"),
        pl.col("Volume").alias("volume"),
    )
    for symbol in ("AAPL", "FB", "GOOG", "IBM", "MSFT"):
        fetched = client.fetch_bars(symbol, date(2000, 1, 1), date(2013, 3, 31))
        expected = recorded.filter(pl.col("symbol") == symbol).select(columns)
        assert fetched.faults == []
        assert fetched.bars.equals(expected), symbol


def test_both_days_asked_are_included_and_labelled_by_midnight_utc(client: YahooClient) -> None:
    stamps = client.fetch_bars("AAPL", *WEEK).bars["timestamp"].to_list()
    first = datetime(2013, 2, 25, tzinfo=timezone.utc)
    assert stamps == [first + timedelta(days=n) for n in range(5)]


def test_a_symbol_costs_one_request_and_no_cookie_or_crumb(client: YahooClient, replay: Replay) -> None:
    for symbol in ("AAPL", "IBM", "MSFT"):
        client.fetch_bars(symbol, *WEEK)
    assert replay.kinds == {"chart": 3}


def test_the_answers_facts_about_the_symbol_are_kept(client: YahooClient) -> None:
    found = client.fetch_bars("fb", *WEEK)
    assert (found.symbol, found.currency, found.interval) == ("FB", "USD", "1d")
    assert (found.exchange_timezone, found.first_trade_date) == ("America/New_York", date(2012, 5, 18))


@pytest.mark.parametrize(
    "days",
    [
        pytest.param((date(2003, 1, 6), date(2003, 1, 31)), id="before it was listed"),
        pytest.param((date(2013, 2, 23), date(2013, 2, 24)), id="a weekend"),
        pytest.param((date(2020, 1, 1), date(2020, 1, 31)), id="after the last recorded day"),
    ],
)
def test_days_without_data_are_empty_bars_not_an_error(client: YahooClient, days: tuple[date, date]) -> None:
    found = client.fetch_bars("FB", *days)
    assert (found.bars.height, found.faults) == (0, [])


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("400", RequestRefused),
        ("403", RequestRefused),
        ("422", RequestRefused),
        ("429", RateLimited),
        ("500", SourceUnavailable),
        ("502", SourceUnavailable),
        ("503", SourceUnavailable),
        ("timeout", SourceUnavailable),
        ("reset", SourceUnavailable),
        ("delisted", SymbolNotFound),
        ("malformed", MalformedAnswer),
        ("truncated", MalformedAnswer),
        ("null_result", MalformedAnswer),
        ("wrong_symbol", WrongAnswer),
        ("wrong_currency", WrongAnswer),
    ],
)
def test_each_failure_has_a_name_and_costs_one_request(
    client: YahooClient, replay: Replay, commit: Commit, fault: str, error: type[Exception]
) -> None:
    commit(f"symbol:AAPL={fault}")
    with pytest.raises(error, match="AAPL"):
        client.fetch_bars("AAPL", *WEEK, currency="USD")
    assert replay.kinds == {"chart": 1}


def test_an_unknown_symbol_is_not_found(client: YahooClient, replay: Replay) -> None:
    with pytest.raises(SymbolNotFound, match=r"NOSUCH: .*may be delisted"):
        client.fetch_bars("NOSUCH", *WEEK)
    assert replay.kinds == {"chart": 1}


def test_a_crumb_is_fetched_only_after_a_401_and_once(
    client: YahooClient, replay: Replay, commit: Commit
) -> None:
    commit("symbol:AAPL=401*1")
    assert client.fetch_bars("AAPL", *WEEK).bars.height == 5
    client.fetch_bars("IBM", *WEEK)
    client.fetch_bars("MSFT", *WEEK)
    assert (replay.kinds["chart"], replay.kinds["crumb"]) == (4, 1)


def test_a_lasting_401_is_refused_and_names_no_crumb(
    client: YahooClient, replay: Replay, commit: Commit, caplog: pytest.LogCaptureFixture
) -> None:
    commit("rate:401=1")
    caplog.set_level(logging.DEBUG)
    with pytest.raises(RequestRefused) as caught:
        client.fetch_bars("AAPL", *WEEK)
    with pytest.raises(RequestRefused):
        client.fetch_bars("IBM", *WEEK)
    assert (replay.kinds["chart"], replay.kinds["crumb"]) == (3, 1)
    assert "replayCrumb" not in f"{caught.value}{caught.value.__cause__}"


@pytest.mark.parametrize(
    ("fault", "kinds", "bars"),
    [
        ("empty", set(), 0),
        ("null_prices", {"prices_missing"}, 0),
        ("null_volume", {"volume_missing"}, 4),
        ("duplicate_timestamps", {"duplicate_timestamp"}, 6),
        ("unsorted", {"unsorted"}, 5),
        ("no_adjclose", {"adjusted_close_missing"}, 5),
        ("missing_days", set(), 4),
        ("negative", set(), 5),
        ("x100", set(), 5),
    ],
)
def test_what_is_not_right_in_an_answer_is_reported_and_not_repaired(
    client: YahooClient, commit: Commit, fault: str, kinds: set[str], bars: int
) -> None:
    commit(f"symbol:AAPL={fault}")
    found = client.fetch_bars("AAPL", *WEEK)
    assert {one.kind for one in found.faults} == kinds
    assert found.bars.height == bars


def test_an_interval_the_source_lacks_is_refused(client: YahooClient) -> None:
    with pytest.raises(RequestRefused, match="5m data not available"):
        client.fetch_bars("AAPL", *WEEK, interval="5m")


def test_a_reversed_range_is_refused_before_any_request(client: YahooClient, replay: Replay) -> None:
    with pytest.raises(InvalidRequest, match="AAPL"):
        client.fetch_bars("AAPL", WEEK[1], WEEK[0])
    assert not replay.kinds


def test_threads_share_one_client(client: YahooClient, replay: Replay) -> None:
    symbols = ["AAPL", "GOOG", "IBM", "MSFT"] * 15
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda symbol: client.fetch_bars(symbol, *WEEK), symbols))
    assert [(one.symbol, one.bars.height) for one in found] == [(symbol, 5) for symbol in symbols]
    assert all(set(one.bars["symbol"]) == {one.symbol} for one in found)
    assert replay.kinds == {"chart": 60}


def test_two_clients_of_two_servers_do_not_mix(client: YahooClient) -> None:
    nowhere = YahooClient("http://127.0.0.1:9", timeout=2)
    assert client.fetch_bars("AAPL", *WEEK).bars.height == 5
    with pytest.raises(SourceUnavailable, match=r"no answer to /v8/finance/chart/AAPL"):
        nowhere.fetch_bars("AAPL", *WEEK)


@pytest.mark.parametrize("url", ["", "query2.finance.yahoo.com", "ftp://127.0.0.1", "http://"])
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidSettings, match="yahoo_default"):
        YahooClient(url)
