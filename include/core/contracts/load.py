"""What a loader is told about a curated file (seed 002, "Message Transformation")."""

from __future__ import annotations

from include.core.contracts.base import WireModel


class LoadMessage(WireModel):
    """The body of a load queue's message, made by an EventBridge input transformer."""

    bucket: str
    key: str
    domain: str
    table_name: str
    partition: str
    """The key's partition segment, for instance `ds=2025-09-10`."""
    file_size: int | None = None
    """Bytes."""
    correlation_id: str


class CuratedFile(WireModel):
    """One curated Parquet file as its writer saw it."""

    key: str
    etag: str
    """As the object store gave it, without quotes."""
    size: int
    """Bytes."""
    rows: int


class CuratedFileList(WireModel):
    """What a transform hands to the loader: the files it wrote for one table."""

    domain: str
    table_name: str
    """Curated table: `prices`, or `prices_<interval>`."""
    files: list[CuratedFile]
    """Empty on a day without data."""
