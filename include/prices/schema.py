"""The one schema of curated prices, and its fingerprint."""

from __future__ import annotations

import hashlib
import json

import polars as pl  # noqa: TID253 - this module is imported inside tasks only
import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only
from polars.datatypes import DataType, DataTypeClass  # noqa: TID253

FrameSchema = dict[str, DataType | DataTypeClass]

FRAME: FrameSchema = {
    "symbol": pl.String,
    "timestamp": pl.Datetime("ms", "UTC"),
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "adjusted_close": pl.Float64,
    "volume": pl.Int64,
}
"""Columns of RAW and curated prices, in file order: prices in the listing's currency, volume in shares."""
COLUMNS = list(FRAME)
PRICES = ["open", "high", "low", "close", "adjusted_close"]
SCHEMA = pa.schema(
    [
        ("symbol", pa.string()),
        ("timestamp", pa.timestamp("ms", tz="UTC")),
        *[(name, pa.float64()) for name in PRICES],
        ("volume", pa.int64()),
    ]
)
"""Of a curated Parquet file."""
GLUE_COLUMNS = [
    ("symbol", "string"),
    ("timestamp", "timestamp"),
    *[(name, "double") for name in PRICES],
    ("volume", "bigint"),
]
"""The same, as Glue and Athena name the types."""
PARTITION_COLUMNS = [("ds", "string")]


def columns() -> list[dict[str, str]]:
    """Return the columns as the fingerprint file lists them: Arrow's type names, in file order."""
    return [{"name": field.name, "type": str(field.type)} for field in SCHEMA]


def fingerprint() -> str:
    """Return the SHA-256 of the columns and partition columns, as hex."""
    text = json.dumps([columns(), GLUE_COLUMNS, PARTITION_COLUMNS], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
