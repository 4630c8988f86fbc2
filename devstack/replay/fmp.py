"""Financial Modeling Prep's stable API over recorded daily prices: screener, prices, ratios, errors included."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import polars as pl

from devstack.replay.fmp_corrupt import corrupted
from devstack.replay.fmp_listings import make_listings, number_of
from devstack.replay.prices import EXCHANGE_TIMEZONE, Prices
from devstack.replay.reply import Question, Reply, json_reply

PRICES_PER_ANSWER = 5000
LISTINGS_PER_ANSWER = 1000
"""Where the request does not say `limit`."""
_SESSIONS = 252
_SAID = {
    "400": "Query Error: a parameter is missing or invalid",
    "401": "Invalid API KEY. Feel free to create a Free API Key",
    "402": "Premium Query Parameter: this value set for 'symbol' is not available under your current subscription",
    "403": "Exclusive Endpoint: it is not available under your current subscription agreement",
    "404": "Not Found",
    "429": "Limit Reach. Please upgrade your plan",
}
Answer = list[dict[str, Any]]


class FmpRouter:
    """FMP's part of the replay; every request needs a key, as the header or the parameter `apikey`."""

    prefix = "/stable/"

    def __init__(self, prices: Prices, api_key: str | None = None) -> None:
        """`api_key`: the only right one; None: any will do."""
        self._prices = prices
        self._key = api_key
        self.prices_per_answer = PRICES_PER_ANSWER
        self._endpoints: dict[str, tuple[str, str, Callable[[dict[str, str]], Answer]]] = {
            "company-screener": ("company-screener", "exchange", self._screener),
            "historical-price-eod/full": ("historical-price-eod", "symbol", self._history),
            "ratios-ttm": ("ratios-ttm", "symbol", self._ratios),
        }

    def read(self, path: str, query_string: bytes, headers: dict[bytes, bytes]) -> Question | Reply:
        """Return what is asked for, or the refusal of a request without a key or of no known endpoint."""
        query = dict(parse_qsl(query_string.decode("latin-1")))
        key = headers.get(b"apikey", b"").decode("latin-1") or query.pop("apikey", "")
        if not key or (self._key is not None and not hmac.compare_digest(key.encode(), self._key.encode())):
            return self.refuse("401")
        found = self._endpoints.get(path[len(self.prefix) :])
        if found is None:
            return self.refuse("404")
        endpoint, about, _ = found
        if not query.get(about):
            return self.refuse("400")
        return Question(endpoint, query[about].upper(), query)

    def answer(self, asked: Question, fault: str = "") -> Reply:
        """Return the list that FMP would, which is empty for what it does not know."""
        call = next(call for endpoint, _, call in self._endpoints.values() if endpoint == asked.endpoint)
        try:
            found = call(asked.query)
        except ValueError:
            return self.refuse("400")
        return json_reply(corrupted(found, fault))

    def refuse(self, kind: str) -> Reply:
        """Return an error in FMP's form; a symbol that was delisted is an empty list to FMP."""
        if kind == "delisted":
            return json_reply([])
        if kind == "error_message":
            return json_reply({"Error Message": "The request could not be served"})
        status = "429" if kind == "retry_after" else kind
        reply = json_reply({"Error Message": _SAID.get(status, "Something went wrong")}, int(status))
        later = ((b"retry-after", b"1"),) if kind == "retry_after" else ()
        return Reply(reply.status, reply.body, headers=later)

    @cached_property
    def _listings(self) -> dict[str, Answer]:
        return make_listings(self._prices)

    def _screener(self, query: dict[str, str]) -> Answer:
        found = self._listings.get(query["exchange"].upper(), [])
        for name in ("isEtf", "isFund", "isActivelyTrading"):
            if name in query:
                found = [listing for listing in found if listing[name] is (query[name] == "true")]
        limit = int(query.get("limit", LISTINGS_PER_ANSWER))
        first = int(query.get("page", 0)) * limit
        return [dict(listing) for listing in found[first : first + limit]]

    def _history(self, query: dict[str, str]) -> Answer:
        rows = self._prices.of(query["symbol"].upper())
        if rows is None:
            return []
        start = date.fromisoformat(query.get("from", "1900-01-01"))
        end = date.fromisoformat(query.get("to", "9999-12-31"))
        opened = pl.from_epoch("timestamp", "s").dt.replace_time_zone("UTC")
        session = opened.dt.convert_time_zone(EXCHANGE_TIMEZONE).dt.date().alias("date")
        asked = rows.with_columns(session).filter(pl.col("date").is_between(start, end))
        bars = asked.tail(self.prices_per_answer).reverse().select(_bar(query["symbol"].upper()))
        return bars.to_dicts()

    def _ratios(self, query: dict[str, str]) -> Answer:
        symbol = query["symbol"].upper()
        rows = self._prices.of(symbol)
        return [] if rows is None else [_ratios(symbol, rows)]


def _bar(symbol: str) -> list[pl.Expr]:
    """Return the fields of one day; prices as they were quoted, not as a float32 reads when widened."""
    quoted = {
        name: pl.col(name).cast(pl.String).cast(pl.Float64) for name in ("open", "high", "low", "close")
    }
    change = quoted["close"] - quoted["open"]
    return [
        pl.lit(symbol).alias("symbol"),
        pl.col("date").cast(pl.String),
        *(price.alias(name) for name, price in quoted.items()),
        "volume",  # type: ignore[list-item]
        change.round(4).alias("change"),
        (change / quoted["open"] * 100).round(4).alias("changePercent"),
        pl.mean_horizontal(*quoted.values()).round(4).alias("vwap"),
    ]


def _ratios(symbol: str, rows: pl.DataFrame) -> dict[str, Any]:
    """Return ratios made from the last year's prices and the symbol.

    Growth is that of the price; a company listed for less than a year has a price to earnings growth of NaN.
    """
    year = rows["close"].cast(pl.Float64).drop_nulls().tail(_SESSIONS + 1)
    last, first = float(year[-1]), float(year[0])
    earnings = float(year.median()) * (0.03 + 0.07 * number_of(f"{symbol}/earnings"))  # type: ignore[arg-type]
    margin = 0.05 + 0.3 * number_of(f"{symbol}/margin")
    payout = max(0.0, number_of(f"{symbol}/payout") - 0.4)
    growth = (last / first - 1) * 100 or 1.0
    whole = len(year) > _SESSIONS
    per_earnings = last / earnings
    ratios = {
        "grossProfitMarginTTM": margin * 2,
        "operatingProfitMarginTTM": margin * 1.4,
        "netProfitMarginTTM": margin,
        "currentRatioTTM": 0.6 + 3 * number_of(f"{symbol}/current"),
        "quickRatioTTM": 0.4 + 2 * number_of(f"{symbol}/quick"),
        "priceToEarningsRatioTTM": per_earnings,
        "priceToEarningsGrowthRatioTTM": per_earnings / growth if whole else float("nan"),
        "priceToBookRatioTTM": per_earnings * (0.1 + 0.2 * number_of(f"{symbol}/book")),
        "priceToSalesRatioTTM": per_earnings * margin,
        "debtToEquityRatioTTM": 2 * number_of(f"{symbol}/debt"),
        "dividendYieldTTM": payout / per_earnings,
        "dividendPayoutRatioTTM": payout,
    }
    return {"symbol": symbol, **{name: round(value, 6) for name, value in ratios.items()}}
