"""What a delivery stream says about its objects in S3."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_DELIMITER = "AppendDelimiterToRecord"
_PLAIN = ("", "UNCOMPRESSED", "GZIP")


@dataclass(frozen=True)
class Destination:
    """A stream's bucket, and how its records become objects."""

    stream: str
    version: int
    bucket: str
    prefix: str
    """With its `!{…}` expressions."""
    size: int
    """Bytes after which a buffer is delivered."""
    interval: float
    """Seconds after which a buffer is delivered."""
    delimiter: bytes
    """What follows each record; empty: nothing does, as in AWS."""
    is_gzip: bool
    time_zone: str
    extension: str

    @classmethod
    def of(cls, stream: Mapping[str, Any]) -> Destination | None:
        """Return the S3 destination of a stream of MiniStack's; None where MiniStack has to deliver itself."""
        if stream["type"] != "DirectPut" or len(stream["destinations"]) != 1:
            return None
        (destination,) = stream["destinations"]
        config: dict[str, Any] = destination["config"]
        processors = _processors(config)
        if destination["type"] not in ("ExtendedS3", "S3") or not _is_plain(config, processors):
            return None
        hints = config.get("BufferingHints") or {}
        is_gzip = config.get("CompressionFormat") == "GZIP"
        return cls(
            stream=stream["name"],
            version=stream["version"],
            bucket=config["BucketARN"].rsplit(":", 1)[1],
            prefix=config.get("Prefix") or "",
            size=int(hints.get("SizeInMBs", 5)) << 20,
            interval=float(hints.get("IntervalInSeconds", 300)),
            delimiter=_delimiter(processors),
            is_gzip=is_gzip,
            time_zone=config.get("CustomTimeZone") or "UTC",
            extension=config.get("FileExtension") or (".gz" if is_gzip else ""),
        )

    def encode(self, body: bytes) -> bytes:
        """Return the object's content for joined records."""
        return gzip.compress(body) if self.is_gzip else body


def _processors(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    processing = config.get("ProcessingConfiguration") or {}
    return list(processing.get("Processors") or []) if _is_on(processing) else []


def _is_plain(config: Mapping[str, Any], processors: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether records are joined as they are, but for a delimiter."""
    return (
        all(processor["Type"] == _DELIMITER for processor in processors)
        and not _is_on(config.get("DataFormatConversionConfiguration") or {}, left_out=True)
        and not _is_on(config.get("DynamicPartitioningConfiguration") or {})
        and (config.get("CompressionFormat") or "") in _PLAIN
    )


def _is_on(section: Mapping[str, Any], *, left_out: bool = False) -> bool:
    return bool(section) and str(section.get("Enabled", left_out)).lower() == "true"


def _delimiter(processors: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the delimiter; a stream says `\\n` in two characters."""
    found = "".join(
        parameter["ParameterValue"]
        for processor in processors
        for parameter in processor.get("Parameters")
        or [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]
        if parameter["ParameterName"] == "Delimiter"
    )
    return found.replace("\\n", "\n").replace("\\t", "\t").encode()
