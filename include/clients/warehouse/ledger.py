"""What is known of files' loads: contents that loaders began (claims) and finished (audit)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only

from include.clients.object_store import ObjectInfo
from include.clients.warehouse.interface import Warehouse
from include.clients.warehouse.tables import WarehouseTable, read_sql
from include.core.clock import utc_now

_DAY = re.compile(r"/ds=(\d{4}-\d{2}-\d{2})/")


@dataclass
class Claim:
    """One content of a file that a loader began to load."""

    etag: str
    version: int
    settled: bool


@dataclass(frozen=True)
class Content:
    """The content of a file that is being loaded."""

    info: ObjectInfo
    version: int
    """Of its rows: of two contents' rows of one bar, readers see the higher version."""
    rows: int


@dataclass
class History:
    """All that is known of one file."""

    claims: list[Claim] = field(default_factory=list)
    audited: set[str] = field(default_factory=set)

    def others(self, etag: str) -> list[Claim]:
        """Return the claims of other contents."""
        return [claim for claim in self.claims if claim.etag != etag]

    def is_loaded(self, etag: str) -> bool:
        """Say whether readers see exactly this content's rows: audited, settled, and no other may cover it."""
        own = max((c.version for c in self.claims if c.etag == etag and c.settled), default=-1)
        if etag not in self.audited or own < 0:
            return False
        others = self.others(etag)
        return all(claim.settled for claim in others) and own > max((c.version for c in others), default=-1)

    def version_of(self, info: ObjectInfo) -> int:
        """Return the version for a content that was read after this history was: above all others.

        That is when S3 got it, in ms; S3 tells seconds, so a second write within one goes one higher. A
        content that is loaded again keeps its version, so the same rows replace themselves.
        """
        own = max((claim.version for claim in self.claims if claim.etag == info.etag), default=0)
        above = max((claim.version for claim in self.others(info.etag)), default=-1) + 1
        if own >= above and own:
            return own
        return max(int(info.modified.timestamp() * 1000) if info.modified else 0, above)


def read_histories(
    warehouse: Warehouse, table: WarehouseTable, keys: Iterable[str], *, audited: bool = True
) -> dict[str, History]:
    """Return what is known of each file; not `audited`: the claims alone, by one query less."""
    histories = {key: History() for key in keys}
    if not histories:
        return histories
    bound = {"table_name": table.name, "paths": list(histories)}
    for row in warehouse.query(read_sql("select_load_claims", table), bound).to_pylist():
        claim = Claim(etag=row["etag"], version=int(row["version"]), settled=bool(row["settled"]))
        histories[row["file_path"]].claims.append(claim)
    for row in warehouse.query(read_sql("select_load_audit", table), bound).to_pylist() if audited else []:
        histories[row["file_path"]].audited.add(row["etag"])
    return histories


def write_claims(warehouse: Warehouse, table: WarehouseTable, claims: Sequence[tuple[str, Claim]]) -> None:
    """Write claims of `(file, content)`; writing one again changes nothing, and a settled one stays so."""
    if not claims:
        return
    batch = pa.RecordBatch.from_pydict(
        {
            "table_name": pa.array([table.name] * len(claims)),
            "file_path": pa.array([key for key, _ in claims]),
            "etag": pa.array([claim.etag for _, claim in claims]),
            "version": pa.array([claim.version for _, claim in claims], pa.uint64()),
            "settled": pa.array([claim.settled for _, claim in claims]).cast(pa.uint8()),
        }
    )
    warehouse.insert(f"{table.domain}.load_claims", [batch])


def write_audit(
    warehouse: Warehouse,
    table: WarehouseTable,
    contents: Sequence[Content],
    correlation_id: str | Mapping[str, str],
) -> None:
    """Record contents as loaded; the correlation id is one for all, or each file's by its key."""
    if not contents:
        return
    count, now = len(contents), utc_now().replace(microsecond=0)
    batch = pa.RecordBatch.from_pydict(
        {
            "domain": pa.array([table.domain] * count),
            "table_name": pa.array([table.name] * count),
            "partition_date": pa.array([_day(content.info.key) for content in contents], pa.date32()),
            "file_path": pa.array([content.info.key for content in contents]),
            "etag": pa.array([content.info.etag for content in contents]),
            "record_count": pa.array([content.rows for content in contents], pa.uint64()),
            "file_size": pa.array([content.info.size for content in contents], pa.uint64()),
            "correlation_id": pa.array([_id_of(content, correlation_id) for content in contents]),
            "processed_at": pa.array([now] * count, pa.timestamp("s", "UTC")),
        }
    )
    warehouse.insert(f"{table.domain}.load_audit_rows", [batch])


def _id_of(content: Content, correlation_id: str | Mapping[str, str]) -> str:
    return correlation_id if isinstance(correlation_id, str) else correlation_id[content.info.key]


def _day(key: str) -> date:
    """Return the day of the key's partition; a key without one counts for 1970-01-01."""
    found = _DAY.search(key)
    return date.fromisoformat(found.group(1)) if found else date(1970, 1, 1)
