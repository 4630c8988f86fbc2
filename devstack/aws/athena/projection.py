"""Partition projection: which values of a partition key exist by the table's properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from devstack.aws.athena.errors import QueryFailed, unsupported

_FORMATS = (
    ("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("'", ""),
)  # fmt: skip


@dataclass(frozen=True)
class Projection:
    """The projected keys' properties, in the order of the keys."""

    keys: Sequence[Mapping[str, str]]

    @classmethod
    def of(cls, parameters: Mapping[str, str], keys: Sequence[str]) -> Projection:
        """Return the projection of a table; a key without a type fails the query, as in Athena."""
        found = []
        for key in keys:
            start = f"projection.{key}."
            mine = {name[len(start) :]: value for name, value in parameters.items() if name.startswith(start)}
            if mine.get("type") not in ("enum", "integer", "date"):
                if mine.get("type") == "injected":
                    raise unsupported("projection of type injected")
                raise QueryFailed(
                    f"INVALID_TABLE_PROPERTY: The properties for the partition column {key} are missing"
                )
            found.append(mine)
        return cls(found)

    def has(self, values: Sequence[str]) -> bool:
        """Whether a partition with these values is projected."""
        return all(_has(mine, value) for mine, value in zip(self.keys, values, strict=True))


def _has(mine: Mapping[str, str], value: str) -> bool:
    if mine["type"] == "enum":
        return value in [one.strip() for one in mine["values"].split(",")]
    low, _, high = (part.strip() for part in mine["range"].partition(","))
    if mine["type"] == "integer":
        digits = int(mine.get("digits", 0))
        return (
            value.isdigit() and value == str(int(value)).zfill(digits) and int(low) <= int(value) <= int(high)
        )
    pattern = mine["format"]
    for theirs, ours in _FORMATS:
        pattern = pattern.replace(theirs, ours)
    try:
        instant = datetime.strptime(value, pattern).replace(tzinfo=timezone.utc)
    except ValueError:
        return False
    return _instant(low, pattern) <= instant <= _instant(high, pattern)


def _instant(bound: str, pattern: str) -> datetime:
    if bound.upper() == "NOW":
        return datetime.now(timezone.utc)
    if bound.upper().startswith("NOW"):
        raise unsupported("relative dates in a projection's range")
    return datetime.strptime(bound, pattern).replace(tzinfo=timezone.utc)
