"""Compare `market.prices` with the recorded file, row by row, by another way than the pipeline's."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from devstack.replay.prices import demo_file
from include.clients.warehouse import Warehouse

Row = tuple[str, str, float, float, float, float, float, int]
"""symbol, session date, open, high, low, close, adjusted close, volume."""
ROWS = """
SELECT symbol, toString(toDate(timestamp)) AS day, open, high, low, close, adjusted_close, volume
FROM market.prices WHERE toDate(timestamp) BETWEEN {first:Date} AND {last:Date}
  AND symbol IN ('AAPL', 'FB', 'GOOG', 'IBM', 'MSFT')
ORDER BY symbol, day
"""


@dataclass(frozen=True)
class SymbolSummary:
    """All rows of one symbol in a line."""

    symbol: str
    rows: int
    first: str
    last: str
    checksum: str
    """First digits of the SHA-256 over all values of all rows."""


def recorded_rows() -> list[Row]:
    """Return the recorded prices, read with nothing but the standard library, by symbol and day."""
    with gzip.open(demo_file(), "rt", encoding="utf-8", newline="") as file:
        rows = [
            (
                row["Ticker"],
                row["Date"],
                *(float(row[name]) for name in ("Open", "High", "Low", "Close", "Adj Close")),
                int(row["Volume"]),
            )
            for row in csv.DictReader(file)
        ]
    return sorted(rows)  # type: ignore[arg-type]


def loaded_rows(warehouse: Warehouse, first: str, last: str) -> list[Row]:
    """Return the demo symbols' rows of `market.prices` between two days, by symbol and day."""
    found = warehouse.query(ROWS, {"first": first, "last": last})
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))


def summarize(rows: Iterable[Row]) -> list[SymbolSummary]:
    """Return one line a symbol; `rows` come sorted by symbol and day."""
    lines = []
    for symbol, group in groupby(rows, key=lambda row: row[0]):
        own = list(group)
        digest = hashlib.sha256("\n".join(map(repr, own)).encode()).hexdigest()
        lines.append(SymbolSummary(symbol, len(own), own[0][1], own[-1][1], digest[:16]))
    return lines
