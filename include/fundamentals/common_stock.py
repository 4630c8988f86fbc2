"""Which listings are common stock: the one place that says so.

A listing is refused for the first reason of this table that holds, asked from top to bottom.

| reason | the listing |
| --- | --- |
| `malformed` | has no symbol, or one that could not be part of a key |
| `etf` | the source says that it is an exchange-traded fund |
| `fund` | the source says that it is a fund, or its name ends in "Fund" |
| `inactive` | does not trade |
| `warrant` | the name says "Warrant(s)", or the symbol ends in -W, -WS, -WT (also with a series), or has five letters and ends in W |
| `right` | the name ends in "Right(s)", or the symbol ends in -R, -RT, -RI, or has five letters and ends in R |
| `unit` | the name ends in "Unit(s)" but not in "Common Unit(s)" of a partnership, or the symbol ends in -U, -UN, or has five letters and ends in U |
| `preferred` | the name says "Preferred", or the symbol ends in -P and a series, or has five letters and ends in P |
| `note` | the name says that it is debt: "Notes due", "Debentures" |

Five letters: NASDAQ's fifth letter says what a security is. Shares of foreign companies and depositary receipts of
common shares are common stock; so is each class of a company's shares (BRK-A, GOOGL).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from include.core.keys import SYMBOL_PATTERN


class Listing(Protocol):
    """What is asked of a listing."""

    @property
    def symbol(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def is_etf(self) -> bool: ...
    @property
    def is_fund(self) -> bool: ...
    @property
    def is_actively_trading(self) -> bool: ...


def _spelled(symbol: str, name: str) -> Callable[[Listing], bool]:
    """Return the rule "the symbol is spelled so, or the name reads so"."""
    by_symbol, by_name = re.compile(symbol), re.compile(name, re.IGNORECASE)
    return lambda listing: bool(by_symbol.search(listing.symbol) or by_name.search(listing.name or ""))


RULES: dict[str, Callable[[Listing], bool]] = {
    "malformed": lambda listing: not SYMBOL_PATTERN.match(listing.symbol),
    "etf": lambda listing: listing.is_etf,
    "fund": lambda listing: listing.is_fund or bool(re.search(r"\bfund$", listing.name or "", re.IGNORECASE)),
    "inactive": lambda listing: not listing.is_actively_trading,
    "warrant": _spelled(r"[-.](W|WS|WT)[A-Z]?$|^[A-Z]{4}W$", r"\bwarrants?\b"),
    "right": _spelled(r"[-.](R|RT|RI)$|^[A-Z]{4}R$", r"\brights?$"),
    "unit": _spelled(r"[-.](U|UN)$|^[A-Z]{4}U$", r"(?<!common )\bunits?$"),
    "preferred": _spelled(r"[-.]P[A-Z]?$|^[A-Z]{4}P$", r"\b(preferred|preference)\b"),
    "note": _spelled(r"(?!)", r"\bnotes? due\b|\bdebentures?\b"),
}


def refuse(listing: Listing) -> str | None:
    """Return why a listing is no common stock, or None for one that is."""
    return next((reason for reason, holds in RULES.items() if holds(listing)), None)
