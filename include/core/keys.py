"""Every S3 key of the lake is spelled here and nowhere else (seeds 000 §4, 002 "Event Triggers")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

FileFormat = Literal["json", "csv"]
MANIFEST_NAME = "_batch.manifest.json"
# What a symbol may look like at Yahoo: BRK-B, 005930.KS, ^GSPC, EURUSD=X. No slash, no space, no dot at
# the front, so that a symbol is always one harmless segment of a key.
SYMBOL_PATTERN = re.compile(r"^[A-Z0-9^][A-Z0-9.^=\-]{0,19}$")

_CURATED = re.compile(
    r"(?P<domain>[a-z][a-z0-9]*)/(?P<table>[a-z][a-z0-9_]{0,62})"
    r"/(?P<partition>[^/=]+=[^/]*(?:/[^/=]+=[^/]*)*)/[^/]+",
    re.DOTALL,
)


_MANIFEST = re.compile(
    r"(?P<domain>[a-z][a-z0-9_]*)/(?P<table>[a-z][a-z0-9_]*)/interval=(?P<interval>[^/=]+)"
    r"/data_source=(?P<source>[^/=]+)/year=(?P<y>\d{4})/month=(?P<m>\d\d)/day=(?P<d>\d\d)/"
    + re.escape(MANIFEST_NAME)
)


@dataclass(frozen=True)
class RawTable:
    """Where one table's RAW objects live: everything of the prefix but the day."""

    domain: str
    table_name: str
    interval: str
    data_source: str

    @property
    def prefix(self) -> str:
        """`{domain}/{table_name}/interval=…/data_source=…/`."""
        return f"{self.domain}/{self.table_name}/interval={self.interval}/data_source={self.data_source}/"

    def day_prefix(self, ds: date) -> str:
        """The prefix of one session day, ending in a slash."""
        return f"{self.prefix}year={ds:%Y}/month={ds:%m}/day={ds:%d}/"

    def object_key(
        self, ds: date, symbol: str, *, file_format: FileFormat = "json", compressed: bool = False
    ) -> str:
        """The key of one symbol's bars of one session day."""
        suffix = ".gz" if compressed else ""
        return f"{self.day_prefix(ds)}{symbol}.{file_format}{suffix}"

    def manifest_key(self, ds: date) -> str:
        """The key of the day's manifest."""
        return f"{self.day_prefix(ds)}{MANIFEST_NAME}"

    @property
    def curated(self) -> CuratedTable:
        """The curated table these objects become: `prices` for 1d, else `prices_<interval>`."""
        suffix = "" if self.interval == "1d" else f"_{self.interval}"
        return CuratedTable(domain=self.domain, table_name=f"{self.table_name}{suffix}")


@dataclass(frozen=True)
class CuratedTable:
    """Where one table's curated Parquet files live."""

    domain: str
    table_name: str

    @property
    def prefix(self) -> str:
        """`{domain}/{table_name}/`."""
        return f"{self.domain}/{self.table_name}/"

    def part_key(self, ds: date, part: int = 0) -> str:
        """The key of one curated file: `…/ds=YYYY-MM-DD/part-NNN.parquet`."""
        return f"{self.prefix}ds={ds:%Y-%m-%d}/part-{part:03d}.parquet"

    def quarantine_key(self, ds: date, batch_id: str) -> str:
        """Where a day's rejected rows go, outside every domain prefix so that no loader sees them."""
        return f"_quarantine/{self.prefix}ds={ds:%Y-%m-%d}/{segment(batch_id)}.parquet"

    def quality_key(self, ds: date, batch_id: str) -> str:
        """Where a day's quality-metrics record goes."""
        return f"_quality/{self.prefix}ds={ds:%Y-%m-%d}/{segment(batch_id)}.json"

    @property
    def fingerprint_key(self) -> str:
        """Where the fingerprint of the table's schema is kept."""
        return f"{self.prefix}_schema_fingerprint.json"


@dataclass(frozen=True)
class CuratedKey:
    """What a curated file's key says: `{domain}/{table_name}/{name}={value}/…/{file}`."""

    domain: str
    table_name: str
    partition: str
    """The segments between table and file, for instance `ds=2025-09-10`."""


def parse_curated_key(key: str) -> CuratedKey:
    """Return what the key says; raise `ValueError` saying what a curated key looks like."""
    found = _CURATED.fullmatch(key)
    if not found:
        raise ValueError(
            f"{key!r} is not <domain>/<table>/<name>=<value>/<file>, for instance "
            "market/prices/ds=2025-09-10/part-000.parquet (domain and table in lower case)"
        )
    return CuratedKey(found["domain"], found["table"], found["partition"])


def parse_manifest_key(key: str) -> tuple[RawTable, date]:
    """Return the table and session day whose manifest is at the key; raise `ValueError` for any other key."""
    found = _MANIFEST.fullmatch(key)
    if not found:
        raise ValueError(
            f"{key!r} is not <domain>/<table>/interval=…/data_source=…/year=YYYY/month=MM/day=DD/{MANIFEST_NAME}"
        )
    table = RawTable(found["domain"], found["table"], found["interval"], found["source"])
    try:
        return table, date(int(found["y"]), int(found["m"]), int(found["d"]))
    except ValueError as error:
        raise ValueError(f"{key!r} names no day: {error}") from error


@dataclass(frozen=True)
class BatchFiles:
    """A run's own working papers in the RAW bucket: its plan, its chunks' receipts, its hand-offs."""

    batch_id: str

    @property
    def prefix(self) -> str:
        """`_batches/{batch}/`: starts with an underscore, so no domain rule matches it."""
        return f"_batches/{segment(self.batch_id)}/"

    @property
    def plan_key(self) -> str:
        """The run's plan."""
        return f"{self.prefix}plan.json"

    def receipt_key(self, index: int) -> str:
        """One chunk's outcome for every symbol and day."""
        return f"{self.prefix}receipts/chunk-{index:04d}.parquet"

    def transform_key(self, index: int) -> str:
        """One transform input (contract `TransformInput`)."""
        return f"{self.prefix}transform/group-{index:04d}.json"

    def curated_key(self, index: int) -> str:
        """The list of files that one transform wrote, for the loader."""
        return f"{self.prefix}curated/group-{index:04d}.json"

    @property
    def received_key(self) -> str:
        """The messages that a run took from a queue."""
        return f"{self.prefix}received.json"

    def messages_key(self, index: int) -> str:
        """The messages that asked for one transform; they are deleted once its rows are loaded."""
        return f"{self.prefix}messages/group-{index:04d}.json"


def report_key(dt: date) -> str:
    """Return the key, in the bucket of events, of a day's newest G1 report; outside the table's `events/`."""
    return f"evidence/dt={dt}/report.html"


def run_report_key(dt: date, run_id: str) -> str:
    """Return the key of the G1 report that one run wrote."""
    return f"evidence/dt={dt}/runs/{segment(run_id)}.html"


def cached_answer_key(source: str, asked_on: date, endpoint: str, name: str, digest: str) -> str:
    """Return the key, in the RAW bucket, of a source's answer that is good for the day it was asked for.

    `digest` tells questions apart whose names are the same. No domain rule matches the prefix.
    """
    return f"_cache/{source}/day={asked_on}/{segment(endpoint)}/{segment(name)}-{digest}.json.gz"


def segment(text: str) -> str:
    """Return `text` as one key segment: anything but letters, digits, `.`, `_`, `-`, `=` becomes `-`."""
    return re.sub(r"[^A-Za-z0-9._=-]+", "-", text)


def key_of(uri: str) -> str:
    """Return the key of `s3://bucket/key`."""
    return uri.removeprefix("s3://").partition("/")[2]
