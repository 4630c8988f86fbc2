"""The client of Financial Modeling Prep's stable API: listings, daily prices, ratios."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar
from zoneinfo import ZoneInfo

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from include.clients.fmp.answer import parse_listings, parse_prices, parse_ratios, read_entries
from include.clients.fmp.cache import AnswerCache
from include.clients.fmp.models import EXCHANGES, Listings, Ratios, SymbolPrices, joined
from include.clients.fmp.transport import Transport
from include.core.clock import utc_now
from include.core.errors import (
    EmptyAnswer,
    InvalidRequest,
    MalformedAnswer,
    RateLimited,
    TapelineError,
    TransientError,
)

log = logging.getLogger(__name__)
ATTEMPTS = 3
"""Quick ones, within a call; a task's own attempts come on top."""
LONGEST_WAIT = 60.0
"""Seconds that are waited here for a source that says when to come back; beyond, the task gives up for now."""
PRICES_PER_ANSWER = 5000
"""Rows an answer has at most, the newest; older ones are asked for again (some 20 years fit in one)."""
LISTINGS_PER_ANSWER = 10_000
PUBLISHED_AFTER = timedelta(days=7)
"""Days without prices this long ago will not get any more; until then a session may only be late."""
_NEW_YORK = ZoneInfo("America/New_York")
_MOST_PAGES = 20
Entries = list[dict[str, Any]]
T = TypeVar("T")


class _Question(NamedTuple):
    """One request: where, about which symbol or exchange, with which parameters."""

    endpoint: str
    name: str
    params: dict[str, Any]


class Limit(Protocol):
    """What the client needs of the shared rate limit (`include.clients.rate_limit.RateLimit`)."""

    def acquire(self) -> None:
        """Wait for a slot."""

    def slow_down(self) -> None:
        """Lower the shared rate: the source answered 429."""


class FmpClient:
    """Asks FMP; safe to share between threads, and best shared: connections are kept."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        rate_limit: Limit | None = None,
        cache: AnswerCache | None = None,
        timeout: float = 30,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`base_url`: https://financialmodelingprep.com, or a server that speaks its stable API.

        `rate_limit`: taken a slot of before each request, shared by all tasks; None: none. `cache`: where
        answers are kept that cannot change today; None: nowhere. `timeout`: seconds an answer may take.
        """
        self._transport = Transport(base_url, api_key, timeout=timeout)
        self._limit = rate_limit
        self._cache = cache
        self._clock = clock
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"FmpClient({self._transport.base_url!r})"

    def list_symbols(self, exchange: str) -> Listings:
        """Return what is listed at NASDAQ, NYSE or AMEX, of whatever kind, also what trades no more.

        Raises `EmptyAnswer`: an exchange without listings cannot be right.
        """
        if exchange not in EXCHANGES:
            raise InvalidRequest([f"there is no exchange {exchange!r} (there are: {', '.join(EXCHANGES)})"])
        params = {"exchange": exchange, "includeAllShareClasses": "true", "limit": LISTINGS_PER_ANSWER}
        entries: Entries = []
        for page in range(_MOST_PAGES):
            asked = _Question("company-screener", exchange, params if not page else {**params, "page": page})
            listings, more = self._ask(asked, partial(_listings, exchange, page), _always)
            if page and more and not {item["symbol"] for item in more} - {item["symbol"] for item in entries}:
                break  # a source that knows no pages answers with the first again
            entries += more
            if len(more) < LISTINGS_PER_ANSWER:
                return parse_listings(entries, exchange) if page else listings
        raise MalformedAnswer(
            f"{exchange}: FMP's list ends at {len(entries)} entries; it is cut, none is used."
        )

    def fetch_prices(self, symbol: str, start: date, end: date) -> SymbolPrices:
        """Return a symbol's daily prices from `start` to `end`, both included, adjusted for splits.

        No prices for these days is an outcome (`empty`), and so is a refused row (`faults`). One request for
        every 5,000 sessions.
        """
        if end < start:
            raise InvalidRequest([f"{symbol}: the last day {end} is before the first day {start}"])
        found: list[SymbolPrices] = []
        last = end
        while True:
            asked = _Question(
                "historical-price-eod/full", symbol, {"symbol": symbol, "from": start, "to": last}
            )
            parse = partial(parse_prices, symbol=symbol, start=start, end=last)
            prices, entries = self._ask(asked, parse, partial(_settled, last))
            found.append(prices)
            oldest = None if prices.prices.is_empty() else prices.prices["date"][0]
            if len(entries) < PRICES_PER_ANSWER or oldest is None or oldest <= start:
                return joined(found)
            last = oldest - timedelta(days=1)

    def fetch_ratios(self, symbol: str) -> Ratios:
        """Return a company's ratios of the last twelve months; none at all is an outcome (`empty`)."""
        asked = _Question("ratios-ttm", symbol, {"symbol": symbol})
        ratios, _ = self._ask(asked, partial(parse_ratios, symbol=symbol), _only_missing)
        return ratios

    def _ask(
        self, asked: _Question, parse: Callable[[Entries], T], settled: Callable[[T, date], bool]
    ) -> tuple[T, Entries]:
        """Return what an answer means, and its entries; from the cache where it has been asked today.

        `settled`: whether the answer cannot change before tomorrow (given today, in New York).
        """
        today = self._clock().astimezone(_NEW_YORK).date()
        question = {"base_url": self._transport.base_url, **asked.params}
        kept = self._cache and self._cache.read(today, asked.endpoint, asked.name, question)
        if kept:
            try:
                entries = read_entries(kept, asked.name)
                return parse(entries), entries
            except TapelineError as error:
                log.warning("An answer in the cache is of no use, it is asked for again: %s", error)
        body, entries, found = self._request(asked, parse)
        if self._cache and settled(found, today):
            self._cache.write(today, asked.endpoint, asked.name, question, body)
        return found, entries

    def _request(self, asked: _Question, parse: Callable[[Entries], T]) -> tuple[bytes, Entries, T]:
        """Ask up to `ATTEMPTS` times, each time in a slot of the shared limit."""
        for attempt in Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait,
            retry=retry_if_exception(_worth_waiting),
            sleep=self._sleep,
            reraise=True,
        ):
            with attempt:
                if self._limit:
                    self._limit.acquire()
                try:
                    body = self._transport.get(asked.endpoint, asked.params, asked.name)
                except RateLimited:
                    if self._limit:
                        self._limit.slow_down()
                    raise
                entries = read_entries(body, asked.name)
                return body, entries, parse(entries)
        raise AssertionError("unreachable: tenacity returns or raises")


_back_off = wait_exponential_jitter(multiplier=0.2, max=5)


def _wait(state: RetryCallState) -> float:
    """Return the seconds until the next attempt: the source's own word, else longer each time."""
    error = state.outcome.exception() if state.outcome else None
    return max(_back_off(state), getattr(error, "retry_after", None) or 0.0)


def _worth_waiting(error: BaseException) -> bool:
    return isinstance(error, TransientError) and (getattr(error, "retry_after", None) or 0.0) <= LONGEST_WAIT


def _listings(exchange: str, page: int, entries: Entries) -> Listings:
    if not entries and not page:
        raise EmptyAnswer(f"{exchange}: FMP's list of its symbols is empty; it is tried again.")
    return parse_listings(entries, exchange)


def _always(_: Listings, __: date) -> bool:
    """Return True: a list of symbols is made once a day."""
    return True


def _only_missing(ratios: Ratios, _: date) -> bool:
    """Return whether the ratios are sound; one that the source does not have is no fault of the answer."""
    return all(fault.kind == "missing" for fault in ratios.faults)


def _settled(last: date, prices: SymbolPrices, today: date) -> bool:
    """Return whether nothing can be added to an answer or mended in it before tomorrow."""
    if any(fault.kind != "no_data" for fault in prices.faults):
        return False
    if last < today - PUBLISHED_AFTER:
        return True
    days = prices.prices["date"]
    return last < today and not days.is_empty() and days[-1] == last
