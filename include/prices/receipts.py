"""A chunk's receipt: the outcome of every symbol and day it was asked for, as one small Parquet file."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal

import polars as pl  # noqa: TID253 - this module is imported inside tasks only

from include.clients.object_store import ObjectStore
from include.core.errors import ObjectMissing
from include.core.keys import BatchFiles

Status = Literal["written", "skipped", "missing", "invalid", "empty", "failed"]
"""
written: the object is new or was overwritten · skipped: it existed · missing: the calendar has a session,
the answer has no bar · invalid: the answer's bars of that day cannot be used · empty: the source knows the
symbol and has no bar at all · failed: no usable answer.
"""
LISTED: tuple[Status, ...] = ("written", "skipped")
"""Statuses of days that have an object."""

SCHEMA = pl.Schema(
    {
        "symbol": pl.String,
        "ds": pl.Date,
        "status": pl.String,
        "key": pl.String,
        "records": pl.Int64,
        "error": pl.String,
        "message": pl.String,
        "transient": pl.Boolean,
    }
)


@dataclass(frozen=True)
class Outcome:
    """What became of one symbol on one session day, or (`ds` None) of the symbol as a whole."""

    symbol: str
    status: Status
    ds: date | None = None
    key: str | None = None
    records: int = 0
    error: str | None = None
    """Name of the error."""
    message: str | None = None
    transient: bool = False
    """Whether another attempt may do better."""


def write_receipt(raw: ObjectStore, files: BatchFiles, index: int, outcomes: Iterable[Outcome]) -> str:
    """Write the receipt of chunk `index`, replacing that of an earlier attempt; return its key."""
    frame = pl.DataFrame([asdict(outcome) for outcome in outcomes], schema=SCHEMA)
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    key = files.receipt_key(index)
    raw.write(key, buffer.getvalue())
    return key


def read_receipt(raw: ObjectStore, files: BatchFiles, index: int) -> list[Outcome]:
    """Return the outcomes of an earlier attempt of chunk `index`, or none."""
    try:
        data = raw.read(files.receipt_key(index))
    except ObjectMissing:
        return []
    return [Outcome(**row) for row in pl.read_parquet(io.BytesIO(data)).iter_rows(named=True)]


def read_receipts(raw: ObjectStore, keys: Iterable[str]) -> pl.DataFrame:
    """Return all outcomes of a batch as one frame of `SCHEMA`."""
    frames = [pl.read_parquet(io.BytesIO(data)) for data in raw.read_many(keys)]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *frames])
