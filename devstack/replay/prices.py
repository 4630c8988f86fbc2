"""Recorded daily prices: from the demo data set or any CSV or Parquet file, held sorted and compact.

Columns: `symbol, date, open, high, low, close, adj_close, volume` (adj_close optional: close; currency
optional: USD). Upper case and blanks in names do not matter, nor does the order of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from include.core.errors import TerminalError

EXCHANGE_TIMEZONE = "America/New_York"
SESSION_OPEN = pl.duration(hours=9, minutes=30)
REQUIRED = ("symbol", "date", "open", "high", "low", "close", "volume")
_PRICES = ("open", "high", "low", "close")
_RENAMED = {"ticker": "symbol", "adj close": "adj_close", "adjclose": "adj_close"}


class UnreadablePrices(TerminalError):
    """A price file cannot be served; the message names the file, the column and the remedy."""


@dataclass(frozen=True)
class Prices:
    """All symbols' daily rows in one frame, sorted by symbol and date.

    `rows` has no symbol column: `places[symbol]` is (first row, number of rows). Columns: `timestamp`
    (Int64, epoch seconds of the session's opening in New York), `open high low close` (Float32, as the
    real source keeps them), `adj_close` (Float64), `volume` (Int64).
    """

    source: str
    rows: pl.DataFrame
    places: dict[str, tuple[int, int]]
    currencies: dict[str, str]

    def of(self, symbol: str) -> pl.DataFrame | None:
        """Return one symbol's rows (a view, no copy), or None if it is not recorded."""
        place = self.places.get(symbol)
        return None if place is None else self.rows.slice(*place)

    @property
    def last_timestamp(self) -> int:
        """The last recorded session's opening, epoch seconds: the `now` of every range."""
        return int(self.rows["timestamp"].max())  # type: ignore[arg-type]


def demo_file() -> Path:
    """Return the recorded prices of the package bokeh_sampledata: five symbols, 2000-03 to 2013-03."""
    from importlib.util import find_spec

    spec = find_spec("bokeh_sampledata")
    if spec is None or not spec.submodule_search_locations:
        raise UnreadablePrices(
            "No price file was given and the package bokeh_sampledata, which has the demo's prices, is not "
            "installed. Install it (pip install bokeh_sampledata) or give a file with --data."
        )
    return Path(spec.submodule_search_locations[0]) / "_data" / "stocks.csv.gz"


def load_prices(path: Path | str | None = None) -> Prices:
    """Return the recorded prices of a `.csv`, `.csv.gz` or `.parquet` file (None: the demo's).

    Raises `UnreadablePrices` for a missing or unreadable file, a missing column, a date or number that is
    none, or no rows at all.
    """
    file = demo_file() if path is None else Path(path)
    if not file.is_file():
        raise UnreadablePrices(f"{file}: there is no such file. Give --data a CSV, CSV.gz or Parquet file.")
    try:
        scan = _scan(file)
        typed = _typed(file, scan)
        rows = typed.collect(engine="streaming")
        currencies = _currencies(scan)
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadablePrices(
            f"{file}: cannot be read as {_format(file)} ({reason}). Give --data an intact CSV, CSV.gz or "
            f"Parquet file with the columns {', '.join(REQUIRED)}."
        ) from error
    if rows.is_empty():
        raise UnreadablePrices(f"{file}: has no rows, so there is nothing to serve.")
    return _compact(str(file), rows, currencies)


def _format(file: Path) -> str:
    return "Parquet" if file.suffix.lower() in {".parquet", ".pq"} else "CSV"


def _scan(file: Path) -> pl.LazyFrame:
    """Return the file lazily with its columns named as ours, or say which are missing."""
    parquet = _format(file) == "Parquet"
    scan = pl.scan_parquet(file) if parquet else pl.scan_csv(file, infer_schema=False)
    found = scan.collect_schema().names()
    names = {name: _RENAMED.get(n := name.strip().lower(), n) for name in found}
    missing = [name for name in REQUIRED if name not in names.values()]
    if missing:
        raise UnreadablePrices(
            f"{file}: column {', '.join(missing)} is missing (found: {', '.join(found) or 'none'}). "
            f"Rename or add it: {', '.join(REQUIRED)} are needed; adj_close and currency are optional."
        )
    return scan.rename(names, strict=False)


def _typed(file: Path, scan: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows in the types of `Prices`, plus `symbol`, after checking every cell."""
    schema = scan.collect_schema()
    columns = {
        "symbol": pl.col("symbol").cast(pl.String).str.strip_chars().str.to_uppercase(),
        "date": _day(schema["date"]),
        **{name: pl.col(name).cast(pl.Float32, strict=False) for name in _PRICES},
        "volume": pl.col("volume").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False),
    }
    if "adj_close" in schema:
        columns["adj_close"] = pl.col("adj_close").cast(pl.Float64, strict=False)
    _refuse_bad_cells(file, scan, columns)
    opening = (pl.col("date").cast(pl.Datetime("us")) + SESSION_OPEN).dt.replace_time_zone(EXCHANGE_TIMEZONE)
    adjusted = columns.get("adj_close", pl.col("close").cast(pl.Float64, strict=False))
    return scan.select(
        **{name: columns[name] for name in ("symbol", "date", *_PRICES)},
        adj_close=adjusted,
        volume=columns["volume"],
    ).select(
        pl.col("symbol").cast(pl.Categorical),  # 4 bytes a row instead of 16 while sorting
        opening.dt.epoch("s").alias("timestamp"),
        *_PRICES,
        "adj_close",
        "volume",
    )


def _day(kind: pl.DataType) -> pl.Expr:
    if kind == pl.String:
        return pl.col("date").str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    return pl.col("date").cast(pl.Date, strict=False)


def _refuse_bad_cells(file: Path, scan: pl.LazyFrame, columns: dict[str, pl.Expr]) -> None:
    """Raise for the first cell that is no date or number, or for a row without symbol or date."""
    needed = {"symbol", "date"}
    bad = {
        name: typed.is_null() if name in needed else typed.is_null() & pl.col(name).is_not_null()
        for name, typed in columns.items()
    }
    counts = scan.select(**{name: wrong.sum() for name, wrong in bad.items()}).collect(engine="streaming")
    for name, count in counts.row(0, named=True).items():
        if count:
            first = scan.with_row_index("_row").filter(bad[name]).head(1).select("_row", name).collect()
            row, value = first.row(0)
            kind = "a date as YYYY-MM-DD" if name == "date" else "a name" if name == "symbol" else "a number"
            raise UnreadablePrices(
                f"{file}: column {name} of data row {row + 1} is {value!r}, which is not {kind} "
                f"({count} such rows). Correct or remove these rows and start again."
            )


def _currencies(scan: pl.LazyFrame) -> dict[str, str]:
    """Return the first currency named for each symbol, where the file has that column."""
    if "currency" not in scan.collect_schema():
        return {}
    symbol = pl.col("symbol").cast(pl.String).str.strip_chars().str.to_uppercase()
    named = scan.group_by(symbol).agg(pl.col("currency").cast(pl.String).drop_nulls().first())
    return dict(named.collect(engine="streaming").drop_nulls().iter_rows())


def _compact(source: str, rows: pl.DataFrame, currencies: dict[str, str]) -> Prices:
    rows = rows.sort("symbol", "timestamp", maintain_order=True)
    runs = rows.group_by("symbol", maintain_order=True).len()
    places: dict[str, tuple[int, int]] = {}
    first = 0
    for symbol, count in runs.iter_rows():
        places[symbol] = (first, count)
        first += count
    return Prices(source, rows.drop("symbol"), places, {s: currencies.get(s, "USD") for s in places})
