"""What is asked of Yahoo and what comes back: bars, and a fault for every thing that was not right."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Literal

import polars as pl  # noqa: TID253 - this package is imported inside tasks, never at DAG parse

PRICES = ("open", "high", "low", "close")
INSTANT = pl.Datetime("us", "UTC")
SCHEMA = {
    "symbol": pl.String(),
    "timestamp": INSTANT,
    **dict.fromkeys(PRICES, pl.Float64()),
    "adjusted_close": pl.Float64(),
    "volume": pl.Int64(),
}

FaultKind = Literal[
    "prices_missing", "volume_missing", "adjusted_close_missing", "duplicate_timestamp", "unsorted",
    "outside_range",
]  # fmt: skip


@dataclass(frozen=True)
class BarFault:
    """One thing that was not right in an answer. `timestamp`: the bar's (UTC); None: the whole answer."""

    kind: FaultKind
    detail: str
    timestamp: datetime | None = None


@dataclass(frozen=True)
class SymbolBars:
    """One symbol's bars between two days, as the source gave them.

    `bars` has the columns of `SCHEMA`, none null but adjusted_close. Duplicate and unsorted rows are kept
    as they came; rows without a price or volume cannot be bars and are only in `faults`.
    """

    symbol: str
    interval: str
    bars: pl.DataFrame
    currency: str | None = None
    """As the source writes it (`USD`, `GBp`); None only where it had no data for these days at all."""
    exchange_timezone: str | None = None
    first_trade_date: date | None = None
    faults: list[BarFault] = field(default_factory=list)
    splits: list[tuple[date, float]] = field(default_factory=list)
    """(session, new shares for one old) of the splits in the asked days."""


@dataclass(frozen=True)
class Asked:
    """What was asked for: a symbol's bars from `start` to `end`, both included, in exchange time."""

    symbol: str
    start: date
    end: date
    interval: str
    currency: str | None = None
    """The currency the answer must be in, where it is known."""

    @property
    def window(self) -> tuple[int, int]:
        """Epoch seconds [from, to) that hold the days in any time zone; the answer is trimmed to them."""
        first = datetime(self.start.year, self.start.month, self.start.day, tzinfo=timezone.utc)
        last = datetime(self.end.year, self.end.month, self.end.day, tzinfo=timezone.utc)
        after = last + timedelta(days=1, hours=12)
        return int((first - timedelta(hours=14)).timestamp()), int(after.timestamp())

    @property
    def intraday(self) -> bool:
        """Whether a bar is labelled by an instant; otherwise by its session date."""
        return self.interval[-1] in "mh"


def no_bars(asked: Asked) -> SymbolBars:
    """Return the outcome of a known symbol that has no data for the days."""
    return SymbolBars(asked.symbol, asked.interval, pl.DataFrame(schema=SCHEMA))
