"""Attempts and slots: every request takes one of a limit that all share, and the source's wishes are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from include.clients.fmp import FmpClient
from include.clients.rate_limit import RateLimit
from include.core.clock import utc_now
from include.core.errors import SourceUnavailable

pytestmark = pytest.mark.integration
WEEK = (date(2013, 2, 25), date(2013, 3, 1))
Commit = Callable[..., None]
MakeClient = Callable[..., FmpClient]


class Counted:
    """A limit that counts."""

    acquired = slowed = 0

    def acquire(self) -> None:
        self.acquired += 1

    def slow_down(self) -> None:
        self.slowed += 1


def test_the_time_to_come_back_is_honoured(client: FmpClient, commit: Commit, sleeps: list[float]) -> None:
    commit("symbol:IBM=retry_after*1")
    client.fetch_ratios("IBM")
    assert len(sleeps) == 1
    assert sleeps[0] >= 1


def test_an_answer_that_does_not_come_is_a_time_out(make_client: MakeClient, commit: Commit) -> None:
    commit("symbol:AAPL=timeout")
    limit = Counted()
    with pytest.raises(SourceUnavailable, match="AAPL: no answer to /stable/ratios-ttm"):
        make_client(timeout=0.3, rate_limit=limit).fetch_ratios("AAPL")
    assert limit.acquired == 3


def test_every_attempt_takes_a_slot_and_a_429_slows_everybody_down(make_client: MakeClient, commit: Commit) -> None:  # fmt: skip
    limit = Counted()
    client = make_client(rate_limit=limit)
    commit("symbol:IBM=429*2")
    client.fetch_ratios("IBM")
    client.fetch_ratios("MSFT")
    assert (limit.acquired, limit.slowed) == (4, 2)


def test_all_clients_of_one_table_share_five_requests_a_second(
    make_client: MakeClient, make_table: Any
) -> None:
    table, waits, now = make_table("id"), [], utc_now()  # the clock stands still
    limits = [RateLimit(table, "fmp", 300, clock=lambda: now, sleep=waits.append) for _ in range(3)]
    clients = [make_client(rate_limit=limit) for limit in limits]
    for symbol in ("AAPL", "IBM"):
        for client in clients:
            client.fetch_prices(symbol, *WEEK)
    long = sorted(wait for wait in waits if wait > 0.1)
    assert long == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0], abs=1e-5)
