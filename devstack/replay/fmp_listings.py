"""Who is listed where in the replay: the recorded symbols, and some entries that are no common stock.

What a price file does not say (names, sectors, numbers of shares) is made from the symbol, always the same.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import Any

from devstack.replay.prices import Prices

EXCHANGES = {
    "NASDAQ": "NASDAQ Global Select",
    "NYSE": "New York Stock Exchange",
    "AMEX": "American Stock Exchange",
}
SEED = 4
TRADED_SECONDS = 14 * 86_400
"""A symbol whose last price is this much older than the newest of all trades no more."""
_SECTORS = {
    "Technology": ("Software - Infrastructure", "Semiconductors", "Computer Hardware"),
    "Healthcare": ("Biotechnology", "Medical Devices"),
    "Financial Services": ("Banks - Regional", "Insurance - Life"),
    "Industrials": ("Railroads", "Aerospace & Defense"),
    "Energy": ("Oil & Gas Midstream", "Solar"),
    "Consumer Defensive": ("Packaged Foods", "Discount Stores"),
}
_KNOWN = {
    "AAPL": ("Apple Inc.", "NASDAQ", "Technology", "Consumer Electronics"),
    "FB": ("Facebook, Inc.", "NASDAQ", "Communication Services", "Internet Content & Information"),
    "GOOG": ("Google Inc.", "NASDAQ", "Communication Services", "Internet Content & Information"),
    "IBM": ("International Business Machines Corporation", "NYSE", "Technology", "IT Services"),
    "MSFT": ("Microsoft Corporation", "NASDAQ", "Technology", "Software - Infrastructure"),
}


@dataclass(frozen=True)
class _Made:
    """A kind of entry that is no common stock: how its symbol ends, what its name says."""

    kind: str
    ending: str
    dashed: str
    name: str


_MADE = (
    _Made("etf", "", "", "{} Large Cap Growth ETF"),
    _Made("fund", "X", "", "{} Municipal Income Fund"),
    _Made("preferred", "P", "-PA", "{} 6.25% Series A Cumulative Preferred Stock"),
    _Made("warrant", "W", "-WT", "{} Acquisition Corp. Warrant"),
    _Made("right", "R", "-RT", "{} Acquisition Corp. Right"),
    _Made("unit", "U", "-UN", "{} Acquisition Corp. Unit"),
    _Made("inactive", "", "", "{} Holdings, Inc."),
)


def number_of(text: str) -> float:
    """Return a number of [0, 1) that only the text decides."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def make_listings(prices: Prices, seed: int = SEED) -> dict[str, list[dict[str, Any]]]:
    """Return each exchange's entries in the form of FMP's screener, sorted by symbol."""
    found: dict[str, list[dict[str, Any]]] = {exchange: [] for exchange in EXCHANGES}
    for symbol in prices.places:
        listing = _recorded(prices, symbol)
        found[listing["exchangeShortName"]].append(listing)
    for exchange, listings in found.items():
        listings += _made(exchange, seed, set(prices.places))
        listings.sort(key=lambda listing: str(listing["symbol"]))
    return found


def _recorded(prices: Prices, symbol: str) -> dict[str, Any]:
    first, count = prices.places[symbol]
    last = prices.rows.row(first + count - 1, named=True)
    sector = list(_SECTORS)[int(number_of(f"{symbol}/sector") * len(_SECTORS))]
    industry = _SECTORS[sector][int(number_of(f"{symbol}/industry") * len(_SECTORS[sector]))]
    exchange = list(EXCHANGES)[int(number_of(f"{symbol}/exchange") * len(EXCHANGES))]
    name, exchange, sector, industry = _KNOWN.get(
        symbol, (f"{symbol} Corporation", exchange, sector, industry)
    )
    price = round(last["close"] or 0.0, 4)
    shares = 10_000_000 * (1 + int(number_of(f"{symbol}/shares") * 500))
    traded = prices.last_timestamp - last["timestamp"] < TRADED_SECONDS
    return _entry(symbol, name, exchange, sector, industry, price, shares, last["volume"], traded=traded)


def _made(exchange: str, seed: int, taken: set[str]) -> list[dict[str, Any]]:
    """Return one entry of each made kind, with symbols of their own."""
    draw = random.Random(f"{seed}/{exchange}")  # noqa: S311 - names, no secret
    entries = []
    for made in _MADE:
        symbol = ""
        while not symbol or symbol in taken:
            stem = "".join(draw.choice("BCDFGHJKLMNPQRSTVXZ") for _ in range(4))
            symbol = stem + (made.ending if exchange == "NASDAQ" else made.dashed)
        taken.add(symbol)
        name = made.name.format(stem.title())
        price, shares = round(5 + 90 * draw.random(), 2), 1_000_000 * draw.randint(1, 90)
        entry = _entry(
            symbol, name, exchange, "Financial Services", "Asset Management", price, shares,
            draw.randint(1_000, 900_000), traded=made.kind != "inactive",
        )  # fmt: skip
        entries.append(entry | {"isEtf": made.kind == "etf", "isFund": made.kind == "fund"})
    return entries


def _entry(
    symbol: str, name: str, exchange: str, sector: str, industry: str, price: float, shares: int,
    volume: int | None, *, traded: bool,
) -> dict[str, Any]:  # fmt: skip
    return {
        "symbol": symbol,
        "companyName": name,
        "marketCap": round(price * shares),
        "sector": sector,
        "industry": industry,
        "beta": round(0.5 + number_of(f"{symbol}/beta"), 3),
        "price": price,
        "lastAnnualDividend": 0,
        "volume": volume,
        "exchange": EXCHANGES[exchange],
        "exchangeShortName": exchange,
        "country": "US",
        "isEtf": False,
        "isFund": False,
        "isActivelyTrading": traded,
    }
