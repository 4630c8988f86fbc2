"""The tables that frames are written to: their keys and columns, as the newest migration leaves them.

A test compares this with the database. Identifiers in statements come from here only.
"""

from __future__ import annotations

from dataclasses import dataclass

from include.core.errors import SchemaMismatch


@dataclass(frozen=True)
class Table:
    """One table."""

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]
    """Type by name, as PostgreSQL says it; without `updated_at` and columns that the database fills."""
    yearly: str | None = None
    """The column by whose year it is partitioned."""
    has_updated_at: bool = True


def table_of(name: str) -> Table:
    """Return the table of this name; `SchemaMismatch` where there is none that frames are written to."""
    if name not in TABLES:
        raise SchemaMismatch(f"There is no table {name!r} to write to; there are {', '.join(TABLES)}.")
    return TABLES[name]


_TEXT, _DATE, _NUMBER, _COUNT = "text", "date", "double precision", "bigint"
_TIME, _FLAG, _INTEGER, _JSON = "timestamp with time zone", "boolean", "integer", "jsonb"
_RATIOS = (
    "gross_margin", "operating_margin", "net_margin", "current_ratio", "quick_ratio", "price_to_earnings",
    "price_to_earnings_growth", "price_to_book", "price_to_sales", "debt_to_equity", "dividend_yield",
    "payout_ratio",
)  # fmt: skip

TABLES = {
    table.name: table
    for table in (
        Table(
            name="symbols",
            key=("symbol",),
            columns={
                "symbol": _TEXT, "name": _TEXT, "exchange": _TEXT, "sector": _TEXT, "industry": _TEXT,
                "market_cap": _NUMBER, "is_active": _FLAG, "listed_at": _DATE, "delisted_at": _DATE,
            },
        ),
        Table(
            name="daily_prices",
            key=("symbol", "date"),
            columns={
                "symbol": _TEXT, "date": _DATE, "open": _NUMBER, "high": _NUMBER, "low": _NUMBER,
                "close": _NUMBER, "volume": _COUNT,
            },
            yearly="date",
        ),
        Table(
            name="daily_ma",
            key=("symbol", "date"),
            columns={
                "symbol": _TEXT, "date": _DATE, "ma_20": _NUMBER, "ma_50": _NUMBER, "ma_100": _NUMBER,
                "ma_200": _NUMBER,
            },
            yearly="date",
        ),
        Table(
            name="ratios",
            key=("symbol", "as_of"),
            columns={"symbol": _TEXT, "as_of": _DATE, **dict.fromkeys(_RATIOS, _NUMBER)},
        ),
        Table(
            name="etl_executions",
            key=("dag_id", "run_id", "task_id", "map_index", "try_number"),
            columns={
                "dag_id": _TEXT, "run_id": _TEXT, "task_id": _TEXT, "map_index": _INTEGER,
                "try_number": _INTEGER, "job_name": _TEXT, "start_time": _TIME, "end_time": _TIME,
                "status": _TEXT, "records_processed": _COUNT, "records_failed": _COUNT,
                "error_message": _TEXT, "metadata": _JSON,
            },
            has_updated_at=False,
        ),
    )
}  # fmt: skip
