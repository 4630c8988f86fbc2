"""What Financial Modeling Prep is asked for and what comes back, with a fault for every thing not right."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

import polars as pl  # noqa: TID253 - this package is imported inside tasks, never at DAG parse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from include.core.keys import SYMBOL_PATTERN

EXCHANGES = ("NASDAQ", "NYSE", "AMEX")
PRICES = ("open", "high", "low", "close")
SCHEMA = {
    "symbol": pl.String(),
    "date": pl.Date(),
    **dict.fromkeys(PRICES, pl.Float64()),
    "volume": pl.Int64(),
}

FaultKind = Literal[
    "no_data", "missing", "not_a_number", "bad_date", "outside_range", "duplicate_date", "negative_price",
    "negative_volume", "absurd_price", "absurd_volume", "high_below_low", "duplicate_symbol",
    "wrong_exchange", "malformed_entry",
]  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One thing that was not right in an answer; the row or entry it names is not used."""

    kind: FaultKind
    detail: str
    day: date | None = None
    """Session of the row; None: not known, or the whole answer."""
    symbol: str | None = None
    """Of the entry, in a list of symbols."""
    fields: tuple[str, ...] = ()
    """The fields at fault, named as ours."""


def finite(value: Any) -> float | None:
    """Return a number of the answer, or None for anything else: a string, NaN, Infinity, a boolean."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


Number = Annotated[float | None, BeforeValidator(finite)]
Text = Annotated[
    str | None, BeforeValidator(lambda value: value.strip() or None if isinstance(value, str) else None)
]


class Listing(BaseModel):
    """One entry of the screener: what is listed under a symbol, of whatever kind."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    symbol: str = Field(pattern=SYMBOL_PATTERN)
    name: Text = Field(None, alias="companyName")
    exchange: str = Field(alias="exchangeShortName")
    """NASDAQ, NYSE or AMEX."""
    sector: Text = None
    industry: Text = None
    country: Text = None
    market_cap: Number = Field(None, alias="marketCap")
    price: Number = None
    volume: Number = None
    is_etf: bool = Field(False, alias="isEtf")
    is_fund: bool = Field(False, alias="isFund")
    is_actively_trading: bool = Field(alias="isActivelyTrading")


class Listings(list[Listing]):
    """The listings of one exchange, no symbol twice, and the faults of what was left out."""

    def __init__(self, listings: list[Listing], faults: list[Fault]) -> None:
        super().__init__(listings)
        self.faults = faults


@dataclass(frozen=True)
class SymbolPrices:
    """One symbol's daily prices between two days, adjusted for splits as the source gives them.

    `prices` has the columns of `SCHEMA`, none null, one row a session, oldest first. `faults` has every
    row that was refused, and why; `no_data` where the source has none for these days.
    """

    symbol: str
    prices: pl.DataFrame
    faults: list[Fault] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether the source has nothing for these days (nothing was refused either)."""
        return any(fault.kind == "no_data" for fault in self.faults)


def joined(parts: list[SymbolPrices]) -> SymbolPrices:
    """Return the answers for one symbol's successive spans, newest first, as one."""
    if len(parts) == 1:
        return parts[0]
    faults = [fault for part in parts for fault in part.faults if fault.kind != "no_data"]
    return SymbolPrices(parts[0].symbol, pl.concat([part.prices for part in reversed(parts)]), faults)


@dataclass(frozen=True)
class Ratios:
    """Ratios of a company's last twelve months; None where the source has no finite number."""

    symbol: str
    gross_margin: float | None = None
    operating_margin: float | None = None
    net_margin: float | None = None
    current_ratio: float | None = None
    quick_ratio: float | None = None
    price_to_earnings: float | None = None
    price_to_earnings_growth: float | None = None
    price_to_book: float | None = None
    price_to_sales: float | None = None
    debt_to_equity: float | None = None
    dividend_yield: float | None = None
    """Of 1: 0.02 is 2 %."""
    payout_ratio: float | None = None
    """Dividends of net income."""
    faults: list[Fault] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether the source has no ratios of this symbol at all."""
        return all(getattr(self, name) is None for name in RATIOS)


RATIOS = {
    "gross_margin": "grossProfitMarginTTM",
    "operating_margin": "operatingProfitMarginTTM",
    "net_margin": "netProfitMarginTTM",
    "current_ratio": "currentRatioTTM",
    "quick_ratio": "quickRatioTTM",
    "price_to_earnings": "priceToEarningsRatioTTM",
    "price_to_earnings_growth": "priceToEarningsGrowthRatioTTM",
    "price_to_book": "priceToBookRatioTTM",
    "price_to_sales": "priceToSalesRatioTTM",
    "debt_to_equity": "debtToEquityRatioTTM",
    "dividend_yield": "dividendYieldTTM",
    "payout_ratio": "dividendPayoutRatioTTM",
}
"""Our name (and column) of each ratio, and the source's."""
