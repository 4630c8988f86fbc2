"""What a loader is told about a curated file (seed 002, "Message Transformation")."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from include.core.contracts.base import WireModel
from include.core.keys import parse_curated_key


class LoadMessage(WireModel):
    """The body of a load queue's message, made by an EventBridge input transformer.

    A transformer cannot take a key apart, so `table_name` and `partition` may be absent: they are read from
    the key. Where they are present they must be what the key says.
    """

    bucket: str
    key: str
    domain: str
    table_name: str
    partition: str
    """The key's partition segments, for instance `ds=2025-09-10`."""
    file_size: int | None = None
    """Bytes."""
    correlation_id: str
    """Id of the event, or whatever its sender chose."""

    @model_validator(mode="before")
    @classmethod
    def _read_key(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("key"), str):
            return data
        said = parse_curated_key(data["key"])
        parsed = {"table_name": said.table_name, "partition": said.partition}
        for name, text in {"domain": said.domain, **parsed}.items():
            if data.get(name) not in (None, text):
                raise ValueError(f"{name} is {data[name]!r}, but the key {data['key']!r} says {text!r}")
        return {**data, **parsed}


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
