"""Fetch a chunk's symbols and write one RAW object a symbol and session day."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from include.clients.circuit_breaker import CircuitBreaker
from include.clients.object_store import ObjectStore
from include.clients.rate_limit import RateLimit
from include.clients.yahoo import SymbolBars
from include.core.errors import MalformedAnswer, RateLimited, SourceUnavailable, TerminalError, TransientError
from include.prices.plan import Chunk, Plan
from include.prices.raw_files import split_by_day
from include.prices.receipts import Outcome

log = logging.getLogger(__name__)
SYMBOL_THREADS = 4
QUICK_ATTEMPTS = 3
"""One call and up to two quick retries (seed 001: "External API: Worker 내부에서 1-2회 재시도")."""


class Source(Protocol):
    """Where bars come from; `YahooClient` is the one there is."""

    def fetch_bars(self, symbol: str, start: date, end: date, interval: str = "1d") -> SymbolBars:
        """Return a symbol's bars from `start` to `end`, both included."""


@dataclass(frozen=True)
class Extractor:
    """Everything a chunk needs beside its plan."""

    source: Source
    raw: ObjectStore
    limit: RateLimit
    breaker: CircuitBreaker

    def extract_chunk(self, plan: Plan, chunk: Chunk, earlier: Iterable[Outcome]) -> list[Outcome]:
        """Return the outcome of every symbol and day of a chunk; never raises for a symbol's sake.

        Symbols that an earlier attempt settled (`earlier`) are not asked for again.
        """
        carried, settled = _settled(earlier)
        days = plan.session_days()
        pending = [symbol for symbol in chunk.symbols if symbol not in settled]
        with ThreadPoolExecutor(SYMBOL_THREADS, thread_name_prefix="extract") as pool:
            found = list(pool.map(lambda symbol: self._extract_symbol(plan, symbol, days), pending))
        return carried + [outcome for outcomes in found for outcome in outcomes]

    def _extract_symbol(self, plan: Plan, symbol: str, days: list[date]) -> list[Outcome]:
        try:
            bars = self._fetch(plan, symbol)
        except (TerminalError, TransientError) as error:
            log.warning("%s: %s: %s", symbol, type(error).__name__, error)
            return [_failed(symbol, error)]
        outcomes = list(self._write_days(plan, symbol, bars))
        outcomes += _unusable_days(bars, {outcome.ds for outcome in outcomes})
        if not outcomes:
            return [
                Outcome(symbol, "empty", error="NoBars", message=f"no bars from {plan.start} to {plan.end}")
            ]
        outcomes += _missing_days(symbol, bars, days, {outcome.ds for outcome in outcomes})
        log.info("%s: %s", symbol, _count(outcomes))
        return outcomes

    def _fetch(self, plan: Plan, symbol: str) -> SymbolBars:
        """Return a symbol's bars under the shared breaker.

        For the breaker a symbol with its quick retries is one call: if each retry counted, two symbols that
        fail for their own reasons would close the source to everybody for an hour. Five symbols in a row
        that get no answer do. Only no answer counts: "unknown symbol" and a page of HTML are answers.
        """
        self.breaker.before_call()
        try:
            bars = self._request(plan, symbol)
        except (RateLimited, SourceUnavailable):
            self.breaker.failed()
            raise
        except (TerminalError, MalformedAnswer):
            self.breaker.succeeded()
            raise
        self.breaker.succeeded()
        return bars

    def _request(self, plan: Plan, symbol: str) -> SymbolBars:
        """Ask up to `QUICK_ATTEMPTS` times, each time in a slot of the shared limit."""
        for attempt in Retrying(
            stop=stop_after_attempt(QUICK_ATTEMPTS),
            wait=wait_exponential_jitter(multiplier=0.2, max=5),
            retry=retry_if_exception_type(TransientError),
            reraise=True,
        ):
            with attempt:
                self.limit.acquire()
                try:
                    return self.source.fetch_bars(symbol, plan.start, plan.end, plan.request.interval)
                except RateLimited:
                    self.limit.slow_down()
                    raise
        raise AssertionError("unreachable: tenacity returns or raises")

    def _write_days(self, plan: Plan, symbol: str, bars: SymbolBars) -> Iterator[Outcome]:
        request = plan.request
        compressed = request.compression == "gzip"
        table = request.raw_table
        objects, records = [], []
        for ds, data, count in split_by_day(
            bars.bars,
            file_format=request.file_format,
            compressed=compressed,
            exchange_timezone=bars.exchange_timezone or "UTC",
        ):
            if plan.start <= ds <= plan.end:
                key = table.object_key(ds, symbol, file_format=request.file_format, compressed=compressed)
                objects.append((key, data))
                records.append((ds, count))
        if request.override_config.overwrite:
            self.raw.write_many(objects)
            created = [True] * len(objects)
        else:
            created = self.raw.create_many(objects)
        for (key, _), (ds, count), new in zip(objects, records, created, strict=True):
            yield Outcome(symbol, "written" if new else "skipped", ds=ds, key=key, records=count)


def _settled(earlier: Iterable[Outcome]) -> tuple[list[Outcome], set[str]]:
    outcomes = list(earlier)
    again = {outcome.symbol for outcome in outcomes if outcome.transient}
    carried = [outcome for outcome in outcomes if outcome.symbol not in again]
    return carried, {outcome.symbol for outcome in carried}


def _failed(symbol: str, error: Exception) -> Outcome:
    return Outcome(
        symbol,
        "failed",
        error=type(error).__name__,
        message=str(error),
        transient=isinstance(error, TransientError),
    )


def _unusable_days(bars: SymbolBars, written: set[date | None]) -> Iterator[Outcome]:
    """Days whose bars the client could not use at all; a fault of a day that has an object is the quality step's."""
    for fault in bars.faults:
        ds = fault.timestamp.date() if fault.timestamp else None
        if ds is not None and ds not in written:
            yield Outcome(bars.symbol, "invalid", ds=ds, error=fault.kind, message=fault.detail)


def _missing_days(
    symbol: str, bars: SymbolBars, days: list[date], seen: set[date | None]
) -> Iterator[Outcome]:
    listed = bars.first_trade_date or min(ds for ds in seen if ds is not None)
    for ds in days:
        if ds >= listed and ds not in seen:
            yield Outcome(
                symbol,
                "missing",
                ds=ds,
                error="MissingSession",
                message=f"the exchange's calendar has a session on {ds}, the source has no bar",
            )


def _count(outcomes: list[Outcome]) -> str:
    statuses = [outcome.status for outcome in outcomes]
    return ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))
