"""What a transform tells about the quality of a group of days: the record, the quarantine, the verdict."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl  # noqa: TID253 - this module is imported inside tasks only

from include.core.contracts import Manifest
from include.core.errors import QualityBelowThreshold
from include.prices.raw_reader import ObjectFault
from include.prices.schema import COLUMNS, FRAME, FrameSchema

MISSING_SESSION = "MissingSession"
"""Error name of a manifest's failed symbol that traded before, but has no bar for the session."""
NAMED = 20
"""Names listed in a message or record; the rest is counted."""
QUARANTINE: FrameSchema = {**FRAME, "ds": pl.Date, "key": pl.String, "reason": pl.String, "detail": pl.String}
"""Columns of the quarantine: the row as it was, its object, the broken rules. A lost object is one row."""


@dataclass
class Tally:
    """Counts of a group, filled pass by pass."""

    days: dict[date, dict[str, int]] = field(default_factory=dict)
    """By session day: `revision, objects, rows, invalid, missing`."""
    reasons: Counter[str] = field(default_factory=Counter)
    missing: list[tuple[date, str]] = field(default_factory=list)
    """Sessions that a symbol has no bar for, as its manifest says."""
    absent: list[tuple[date, str]] = field(default_factory=list)
    """Symbols of the session before that a day's manifest does not know at all; not counted as invalid."""
    faults: list[ObjectFault] = field(default_factory=list)
    rejected: list[pl.DataFrame] = field(default_factory=list)
    newest: datetime | None = None
    """Time of the newest valid bar, UTC."""

    def add_manifest(self, manifest: Manifest) -> None:
        """Count a day's missing sessions."""
        present = {entry.symbol for entry in manifest.objects}
        failed = {entry.symbol for entry in manifest.failed_symbols if entry.error == MISSING_SESSION}
        self.missing += [(manifest.ds, symbol) for symbol in sorted(failed - present)]
        self.days[manifest.ds] = {
            "revision": manifest.revision,
            "objects": len(manifest.objects),
            "rows": sum(entry.records for entry in manifest.objects),
            "invalid": 0,
            "missing": len(failed - present),
        }

    def add_absent(self, before: Manifest | None, manifest: Manifest) -> None:
        """Note the symbols of the session before that this day says nothing about."""
        if before is not None and manifest.objects:
            known = {entry.symbol for entry in manifest.objects}
            known |= {entry.symbol for entry in manifest.failed_symbols}
            gone = sorted({entry.symbol for entry in before.objects} - known)
            self.absent += [(manifest.ds, symbol) for symbol in gone]

    def add_rows(self, checked: pl.DataFrame, keys: list[str], faults: list[ObjectFault]) -> None:
        """Count one pass: checked rows (`quality.check_rows`), the keys of their objects, lost objects."""
        self.faults += faults
        for fault in faults:
            self.reasons[fault.reason] += fault.records
            self.days[fault.ds]["invalid"] += fault.records
        newest = checked.filter(pl.col("reason").is_null())["timestamp"].max()
        if isinstance(newest, datetime):
            self.newest = max(newest, self.newest or newest)
        bad = checked.filter(pl.col("reason").is_not_null())
        if bad.is_empty():
            return
        names = pl.Series("key", keys, pl.String).gather(bad["object"])
        detail = pl.lit(None, pl.String).alias("detail")
        self.rejected.append(bad.with_columns(names, detail).select(list(QUARANTINE)))
        for ds, count in bad.group_by("ds").len().iter_rows():
            self.days[ds]["invalid"] += count
        for reason, count in bad["reason"].value_counts().iter_rows():
            for name in reason.split(","):
                self.reasons[name] += count

    def _sum(self, name: str) -> int:
        return sum(day[name] for day in self.days.values())

    @property
    def rows(self) -> int:
        """Rows that the manifests promise."""
        return self._sum("rows")

    @property
    def invalid(self) -> int:
        """Rows that broke a rule or are lost with their object; each counts once."""
        return self._sum("invalid")

    @property
    def ratio(self) -> float:
        """Invalid rows and missing sessions, as a share of all that should be there."""
        expected = self.rows + len(self.missing)
        return (self.invalid + len(self.missing)) / expected if expected else 0.0

    def quarantine(self) -> pl.DataFrame:
        """Return the rejected rows and lost objects (columns of `QUARANTINE`), in a fixed order."""
        lost = [
            {"symbol": f.symbol, "ds": f.ds, "key": f.key, "reason": f.reason, "detail": f.detail}
            for f in self.faults
        ]
        frames = [*self.rejected, pl.DataFrame(lost, schema=QUARANTINE)]
        return pl.concat(frames).sort("ds", "key", *COLUMNS, nulls_last=True, maintain_order=True)

    def record(self) -> dict[str, object]:
        """Return the counts for the quality record."""
        return {
            "rows": self.rows,
            "valid": self.rows - self.invalid,
            "invalid": self.invalid,
            "invalid_by_reason": dict(sorted(self.reasons.items())),
            "duplicates": self.reasons["duplicate_key"],
            "missing": len(self.missing),
            "missing_sessions": _named([f"{ds} {symbol}" for ds, symbol in self.missing]),
            "absent": len(self.absent),
            "absent_symbols": _named([f"{ds} {symbol}" for ds, symbol in self.absent]),
            "lost_objects": _named([fault.detail for fault in self.faults]),
            "newest_timestamp": self.newest.isoformat() if self.newest else None,
            "by_day": {f"{ds}": counts for ds, counts in sorted(self.days.items())},
        }


def _named(names: list[str]) -> list[str]:
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return names[:NAMED] + more


def to_parquet(rows: pl.DataFrame) -> bytes:
    """Return the quarantine as Parquet."""
    sink = io.BytesIO()
    rows.write_parquet(sink, compression="zstd")
    return sink.getvalue()


def refuse_bad_group(tally: Tally, *, threshold: float, quarantine: str, record: str) -> None:
    """Raise `QualityBelowThreshold` where more than `threshold` of a group is invalid or missing."""
    if tally.ratio <= threshold:
        return
    days = sorted(tally.days)
    reasons = [f"{count} {name}" for name, count in tally.reasons.most_common()]
    if tally.missing:
        reasons.append(f"{len(tally.missing)} missing sessions")
    lost = "".join(f"\n  - {detail}" for detail in _named([fault.detail for fault in tally.faults]))
    raise QualityBelowThreshold(
        f"{tally.invalid + len(tally.missing)} of {tally.rows + len(tally.missing)} rows of {days[0]} to "
        f"{days[-1]} are bad ({tally.ratio:.1%}, max_invalid_ratio allows {threshold:.1%}): "
        f"{', '.join(reasons)}. None of these days was published. The rows are in {quarantine}, the counts "
        f"in {record}. Extract the days again with overwrite, or allow more by max_invalid_ratio.{lost}"
    )
