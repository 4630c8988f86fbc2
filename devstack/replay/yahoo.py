"""Yahoo's chart API (`/v8/finance/chart/{symbol}`) over recorded daily prices, errors included."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote
from zoneinfo import ZoneInfo

import polars as pl
from dateutil.relativedelta import relativedelta

from devstack.replay.corrupt import corrupted
from devstack.replay.prices import EXCHANGE_TIMEZONE, Prices
from devstack.replay.reply import CODES, Question, Reply, json_reply

ZONE = ZoneInfo(EXCHANGE_TIMEZONE)
INTERVALS = (
    "1m", "2m", "5m", "15m", "30m", "60m", "90m", "1h", "4h", "1d", "5d", "1wk", "1mo", "3mo",
)  # fmt: skip
RANGES = ("1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max")
_SESSION_SECONDS = 6 * 3600 + 1800
_MONTHS = {"1mo": 1, "3mo": 3, "6mo": 6, "1y": 12, "2y": 24, "5y": 60, "10y": 120}


class ChartError(Exception):
    """An answer in Yahoo's error form: HTTP status, code and description."""

    def __init__(self, status: int, code: str, description: str) -> None:
        self.status = status
        self.body = {"chart": {"result": None, "error": {"code": code, "description": description}}}
        super().__init__(description)


DELISTED = ChartError(404, "Not Found", "No data found, symbol may be delisted")


class YahooRouter:
    """Yahoo's chart API."""

    prefix = "/v8/finance/chart/"

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    def read(self, path: str, query_string: bytes, headers: dict[bytes, bytes]) -> Question:  # noqa: ARG002
        """Return which symbol's chart is asked for; Yahoo wants no key."""
        symbol = unquote(path[len(self.prefix) :]).upper()
        return Question("chart", symbol, dict(parse_qsl(query_string.decode("latin-1"))))

    def answer(self, asked: Question, fault: str = "") -> Reply:
        """Return the chart, or an error in Yahoo's form."""
        try:
            found = chart(self._prices, asked.subject, asked.query)
        except ChartError as error:
            return json_reply(error.body, error.status)
        return json_reply(corrupted(found, fault))

    def refuse(self, kind: str) -> Reply:
        """Return an error in Yahoo's form."""
        if kind == "delisted":
            return json_reply(DELISTED.body, DELISTED.status)
        status = {"retry_after": "429", "error_message": "400"}.get(kind, kind)
        fault = ChartError(int(status), CODES[status], f"{CODES[status]} (injected)")
        reply = json_reply(fault.body, 200 if kind == "error_message" else fault.status)
        return replace(reply, headers=((b"retry-after", b"1"),)) if kind == "retry_after" else reply


def chart(prices: Prices, symbol: str, query: dict[str, str]) -> dict[str, Any]:
    """Return Yahoo's answer for the bars of a symbol; raise `ChartError` where Yahoo answers an error.

    The query has `period1` and `period2` (epoch seconds, the end excluded) or `range`, which ends with
    the last recorded session, and `interval` (1d only, as recorded).
    """
    rows = prices.of(symbol)
    if rows is None:
        raise DELISTED
    interval, span = query.get("interval", "1d"), query.get("range", "")
    _check_interval(interval)
    start, end = _window(prices, rows, query)
    stamps = rows["timestamp"]
    if query.get("period2") and end <= int(stamps[0]):
        raise ChartError(400, "Bad Request", f"Data doesn't exist for startDate = {start}, endDate = {end}")
    first = int(stamps.search_sorted(start, "left"))
    bars = rows.slice(first, int(stamps.search_sorted(end, "left")) - first)
    previous = rows["close"][first - 1] if first else None
    meta = _meta(symbol, prices.currencies[symbol], int(stamps[0]), rows.row(-1, named=True), previous)
    result = {"meta": {**meta, "dataGranularity": interval, "range": span}, **_indicators(bars)}
    return {"chart": {"result": [result], "error": None}}


def _check_interval(interval: str) -> None:
    if interval not in INTERVALS:
        raise ChartError(
            400,
            "Bad Request",
            f"Invalid input - interval={interval} is not supported. Valid intervals: "
            f"[{', '.join(INTERVALS)}]",
        )
    if interval != "1d":
        raise ChartError(
            422,
            "Unprocessable Entity",
            f"{interval} data not available for the requested range: only 1d prices are recorded.",
        )


def _window(prices: Prices, rows: pl.DataFrame, query: dict[str, str]) -> tuple[int, int]:
    """Return (start, end) in epoch seconds, the end excluded."""
    if "period1" in query or "period2" in query:
        try:
            start, end = int(query.get("period1", 0)), int(query.get("period2", prices.last_timestamp + 1))
        except ValueError:
            raise ChartError(400, "Bad Request", "Invalid input - period1 and period2 are numbers") from None
        if start >= end:
            raise ChartError(
                400,
                "Bad Request",
                f"Invalid input - start date cannot be after end date. startDate = {start}, endDate = {end}",
            )
        return start, end
    span = query.get("range", "1d")
    if span not in RANGES:
        raise ChartError(
            400,
            "Bad Request",
            f"Invalid input - range={span} is not supported. Valid ranges: [{', '.join(RANGES)}]",
        )
    return _range_start(prices.last_timestamp, rows, span), prices.last_timestamp + _SESSION_SECONDS


def _range_start(last: int, rows: pl.DataFrame, span: str) -> int:
    if span == "max":
        return int(rows["timestamp"][0])
    if span in ("1d", "5d"):
        days = min(int(span[0]), rows.height)
        return int(rows["timestamp"][-days])
    end = datetime.fromtimestamp(last, timezone.utc).astimezone(ZONE)
    if span == "ytd":
        return int(end.replace(month=1, day=1, hour=0).timestamp())
    return int((end - relativedelta(months=_MONTHS[span])).replace(hour=0, minute=0).timestamp())


def _indicators(bars: pl.DataFrame) -> dict[str, Any]:
    if bars.is_empty():
        return {"indicators": {"quote": [{}], "adjclose": [{}]}}
    columns = bars.to_dict(as_series=False)
    quote = {name: columns[name] for name in ("high", "open", "low", "close", "volume")}
    return {
        "timestamp": columns["timestamp"],
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": columns["adj_close"]}]},
    }


def _meta(
    symbol: str, currency: str, first: int, last: dict[str, Any], previous: float | None
) -> dict[str, Any]:
    opened = int(last["timestamp"])
    offset, zone = _offset(opened)
    return {
        "currency": currency,
        "symbol": symbol,
        "exchangeName": "NMS",
        "fullExchangeName": "NasdaqGS",
        "instrumentType": "EQUITY",
        "firstTradeDate": first,
        "regularMarketTime": opened + _SESSION_SECONDS,
        "hasPrePostMarketData": True,
        "gmtoffset": offset,
        "timezone": zone,
        "exchangeTimezoneName": EXCHANGE_TIMEZONE,
        "regularMarketPrice": last["close"],
        "regularMarketDayHigh": last["high"],
        "regularMarketDayLow": last["low"],
        "regularMarketVolume": last["volume"],
        "longName": symbol,
        "shortName": symbol,
        "chartPreviousClose": previous,
        "priceHint": 2,
        "currentTradingPeriod": _trading_period(opened, offset, zone),
        "validRanges": list(RANGES),
    }


def _trading_period(opened: int, offset: int, zone: str) -> dict[str, Any]:
    closed = opened + _SESSION_SECONDS
    bounds = {"pre": (opened - 19800, opened), "regular": (opened, closed), "post": (closed, closed + 14400)}
    return {
        name: {"timezone": zone, "start": start, "end": end, "gmtoffset": offset}
        for name, (start, end) in bounds.items()
    }


@lru_cache(maxsize=1024)
def _offset(instant: int) -> tuple[int, str]:
    local = datetime.fromtimestamp(instant, ZONE)
    span = local.utcoffset()
    return (int(span.total_seconds()) if span else 0), local.tzname() or ""
