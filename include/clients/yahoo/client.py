"""The Yahoo client: bars of one symbol by one HTTP request."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from include.clients.yahoo.answer import error_description, parse
from include.clients.yahoo.models import Asked, SymbolBars, no_bars
from include.clients.yahoo.transport import ErrorAnswer, Transport, refusal
from include.core.errors import InvalidRequest, SymbolNotFound

EVENTS = "div,splits,capitalGains"


class YahooClient:
    """Fetches bars; safe to share between threads, and best shared: connections are kept."""

    def __init__(self, base_url: str, *, cache_dir: Path | None = None, timeout: float = 30) -> None:
        """`base_url`: `https://query2.finance.yahoo.com` or a server that speaks its chart API.

        `cache_dir`: where yfinance keeps its cookie (None: its own place). `timeout`: seconds an answer
        may take. Raises `InvalidSettings` for a base URL that is none.
        """
        self._transport = Transport(base_url, cache_dir=cache_dir, timeout=timeout)

    def fetch_bars(
        self, symbol: str, start: date, end: date, interval: str = "1d", *, currency: str | None = None
    ) -> SymbolBars:
        """Return a symbol's bars from `start` to `end`, both included, days of the exchange.

        A daily bar's timestamp is midnight UTC of its session date (its label is a date); an intraday
        bar's is its instant. Prices are not adjusted. No data for the days is an outcome: empty bars.
        `currency`, if given, is the one the answer must be in.

        Raises `SymbolNotFound`, `RequestRefused`, `WrongAnswer` (terminal), `RateLimited`,
        `SourceUnavailable`, `MalformedAnswer` (transient). One HTTP request, also after a failure.
        """
        if end < start:
            raise InvalidRequest([f"{symbol}: the last day {end} is before the first day {start}"])
        asked = Asked(symbol.upper(), start, end, interval, currency)
        first, after = asked.window
        params = {"period1": first, "period2": after, "interval": interval}
        try:
            body = self._transport.chart(
                asked.symbol, {**params, "includePrePost": "false", "events": EVENTS}
            )
        except ErrorAnswer as error:
            return _outcome(asked, error)
        return parse(body, asked)


def _outcome(asked: Asked, error: ErrorAnswer) -> SymbolBars:
    """Return empty bars where Yahoo's error only says that the days have no data; else raise its name."""
    code, description = error_description(error.body)
    if error.status == 400 and description.startswith("Data doesn't exist"):
        return no_bars(asked)
    if error.status == 404 and code:
        raise SymbolNotFound(f"{asked.symbol}: Yahoo does not know it ({description}).") from error
    raise refusal(asked.symbol, error, description or "no reason given") from error
