"""The manifest of one session day in RAW (seed 000 §4)."""

from __future__ import annotations

from datetime import date, datetime

from include.core.contracts.base import WireModel


class ManifestObject(WireModel):
    """One RAW object of the day."""

    symbol: str
    key: str
    """Key in the RAW bucket."""
    records: int
    """Bars in the object."""


class FailedSymbol(WireModel):
    """A symbol of the batch that has no object for this day, and why."""

    symbol: str
    error: str
    """Name of the error, for instance `SymbolNotFound`."""
    message: str


class Manifest(WireModel):
    """All RAW objects of one session day, over all batches that added to it."""

    environment: str
    domain: str
    table_name: str
    data_source: str
    interval: str
    ds: date
    """Session day of the exchange."""
    generated_at: datetime
    """UTC."""
    batch_id: str
    """The batch that wrote this revision."""
    revision: int = 1
    """Counts up with each batch that changed the manifest; a transform never replaces a newer one's file."""
    objects: list[ManifestObject] = []
    """Sorted by symbol; empty on a holiday."""
    failed_symbols: list[FailedSymbol] = []
    """Sorted by symbol."""
