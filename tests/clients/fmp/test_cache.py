"""What is kept for the day, what is not: requests are counted at the replay server."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any

import pytest

from include.clients.fmp import AnswerCache, FmpClient
from include.clients.object_store import ObjectStore
from include.core.errors import MalformedAnswer
from tests.clients.fmp.conftest import Source

pytestmark = pytest.mark.integration
FRIDAY = date(2013, 3, 1)  # the last recorded session
WEEK = (date(2013, 2, 25), FRIDAY)
MakeClient = Callable[..., FmpClient]
Commit = Callable[..., None]


@pytest.fixture
def cache(raw: ObjectStore) -> AnswerCache:
    """A cache of the test's own."""
    return AnswerCache(raw)


def kept(raw: ObjectStore) -> list[str]:
    return sorted(info.key for info in raw.list_objects("_cache/"))


def test_an_answer_of_the_day_costs_no_second_request_on_any_worker(
    make_client: MakeClient, source: Source, cache: AnswerCache, raw: ObjectStore
) -> None:
    first, other = make_client(cache=cache), make_client(cache=AnswerCache(raw))
    prices, ratios, listings = (
        first.fetch_prices("IBM", *WEEK),
        first.fetch_ratios("IBM"),
        first.list_symbols("NYSE"),
    )
    assert sum(source.replay.kinds.values()) == 3
    assert other.fetch_prices("IBM", *WEEK).prices.equals(prices.prices)
    assert (other.fetch_ratios("IBM"), other.list_symbols("NYSE")) == (ratios, listings)
    assert sum(source.replay.kinds.values()) == 3
    assert [key.rpartition("/")[0] for key in kept(raw)] == [
        f"_cache/fmp/day=2013-03-20/{endpoint}"
        for endpoint in ("company-screener", "historical-price-eod-full", "ratios-ttm")
    ]


def test_other_days_symbols_and_sources_are_other_questions(make_client: MakeClient, source: Source, cache: AnswerCache) -> None:  # fmt: skip
    client = make_client(cache=cache)
    client.fetch_prices("IBM", *WEEK)
    client.fetch_prices("IBM", WEEK[0], date(2013, 2, 28))
    client.fetch_prices("AAPL", *WEEK)
    make_client(cache=cache, url=source.url.replace("127.0.0.1", "localhost")).fetch_prices("IBM", *WEEK)
    assert sum(source.replay.kinds.values()) == 4


def test_tomorrow_it_is_asked_again_for_a_split_changes_what_is_past(make_client: MakeClient, source: Source, cache: AnswerCache) -> None:  # fmt: skip
    make_client("2013-03-20", cache=cache).fetch_prices("IBM", *WEEK)
    make_client("2013-03-21", cache=cache).fetch_prices("IBM", *WEEK)
    assert source.replay.kinds == {"historical-price-eod": 2}


@pytest.mark.parametrize(
    ("today", "end", "requests"),
    [
        pytest.param("2013-03-01", FRIDAY, 2, id="the session is not over"),
        pytest.param("2013-03-02", FRIDAY, 1, id="the session is over and has its price"),
        pytest.param("2013-03-05", date(2013, 3, 4), 2, id="the session is over, its price is late"),
        pytest.param("2013-03-20", date(2013, 3, 4), 1, id="what is missing for weeks will not come"),
    ],
)
def test_only_what_cannot_change_today_is_kept(
    make_client: MakeClient, source: Source, cache: AnswerCache, today: str, end: date, requests: int
) -> None:
    for _ in range(2):
        make_client(today, cache=cache).fetch_prices("IBM", WEEK[0], end)
    assert source.replay.kinds == {"historical-price-eod": requests}


def test_the_day_is_new_yorks(make_client: MakeClient, source: Source, cache: AnswerCache) -> None:
    evening = datetime(2013, 3, 2, 3, tzinfo=timezone.utc)  # still Friday in New York
    for _ in range(2):
        make_client(cache=cache, clock=lambda: evening).fetch_prices("IBM", *WEEK)
    assert source.replay.kinds == {"historical-price-eod": 2}


@pytest.mark.parametrize("fault", ["truncated", "malformed", "null_result"])
def test_an_answer_that_cannot_be_read_is_never_kept(
    make_client: MakeClient, source: Source, cache: AnswerCache, raw: ObjectStore, commit: Commit, fault: str
) -> None:
    commit(f"symbol:IBM={fault}*3", f"symbol:NYSE={fault}*3")
    client = make_client(cache=cache)
    for call in (lambda: client.fetch_prices("IBM", *WEEK), lambda: client.list_symbols("NYSE")):
        with pytest.raises(MalformedAnswer):
            call()
    assert kept(raw) == []
    assert client.fetch_prices("IBM", *WEEK).prices.height == 5


@pytest.mark.parametrize("fault", ["negative", "nan", "duplicate_timestamps"])
def test_an_answer_with_a_fault_is_not_kept_so_that_its_mending_is_seen(
    make_client: MakeClient, cache: AnswerCache, raw: ObjectStore, commit: Commit, fault: str
) -> None:
    commit(f"symbol:IBM={fault}*1")
    client = make_client(cache=cache)
    assert client.fetch_prices("IBM", *WEEK).faults
    assert kept(raw) == []
    assert not client.fetch_prices("IBM", *WEEK).faults


@pytest.mark.parametrize(
    "damage",
    [b"no gzip", gzip.compress(b"[{"), gzip.compress(b'[{"symbol": "X"}]')[:-9]],
    ids=["no gzip", "no JSON", "cut"],
)
def test_a_damaged_object_is_asked_for_again(
    make_client: MakeClient, source: Source, cache: AnswerCache, raw: ObjectStore, damage: bytes
) -> None:
    client = make_client(cache=cache)
    right = client.fetch_ratios("IBM")
    raw.write(kept(raw)[0], damage)
    assert client.fetch_ratios("IBM") == right
    assert client.fetch_ratios("IBM") == right
    assert source.replay.kinds == {"ratios-ttm": 2}


def test_a_store_that_fails_costs_requests_and_one_warning(
    make_client: MakeClient, source: Source, aws: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(cache=AnswerCache(aws.object_store("no-such-bucket")))
    for _ in range(3):
        assert client.fetch_prices("IBM", *WEEK).prices.height == 5
    assert source.replay.kinds == {"historical-price-eod": 3}
    assert len([record for record in caplog.records if "cache" in record.message]) == 1
