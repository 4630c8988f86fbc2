"""A small lake to curate: recorded prices as RAW objects and manifests in a local S3."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import bokeh_sampledata
import polars as pl
import pytest

from devstack.replay.app import Replay, create_app
from devstack.replay.prices import load_prices
from devstack.replay.server import running
from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from include.core.contracts import FailedSymbol, Manifest, ManifestObject, ManifestRef, TransformInput
from include.core.keys import CuratedTable, FileFormat, RawTable
from include.core.settings import Settings
from include.prices.curate import CurateResult, curate_group
from include.prices.raw_files import split_by_day
from include.prices.schema import COLUMNS, FRAME

NOW = datetime(2013, 3, 4, 13, 0, tzinfo=timezone.utc)


@lru_cache(maxsize=1)
def _recorded() -> pl.DataFrame:
    source = Path(bokeh_sampledata.__file__).parent / "_data" / "stocks.csv.gz"
    names = dict(
        zip(["Ticker", "Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"], COLUMNS, strict=True)
    )
    frame = pl.read_csv(source).rename(names)
    stamp = pl.col("timestamp").str.to_datetime("%Y-%m-%d", time_unit="ms", time_zone="UTC")
    return frame.with_columns(stamp).select(COLUMNS).cast(FRAME).sort("symbol", "timestamp")  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def recorded() -> pl.DataFrame:
    """All recorded daily prices: AAPL FB GOOG IBM MSFT, 2000-03-01 to 2013-03-01."""
    return _recorded()


@dataclass
class Lake:
    """Both buckets of one table, and the shortest way to fill and curate them."""

    raw: ObjectStore
    curated: ObjectStore
    table: RawTable = field(default=RawTable("market", "prices", "1d", "yahoo_finance"))

    @property
    def target(self) -> CuratedTable:
        return self.table.curated

    def put(
        self,
        bars: pl.DataFrame,
        *,
        file_format: FileFormat = "json",
        compressed: bool = False,
        revision: int = 1,
    ) -> list[date]:
        """Write bars as RAW objects, and a manifest for each of their days; return the days."""
        days: dict[date, list[ManifestObject]] = {}
        for (symbol,), own in bars.group_by("symbol", maintain_order=True):
            for ds, data, records in split_by_day(own, file_format=file_format, compressed=compressed):
                key = self.table.object_key(ds, str(symbol), file_format=file_format, compressed=compressed)
                self.raw.write(key, data)
                days.setdefault(ds, []).append(ManifestObject(symbol=str(symbol), key=key, records=records))
        for ds, objects in days.items():
            self.put_manifest(ds, objects, revision=revision)
        return sorted(days)

    def put_manifest(
        self,
        ds: date,
        objects: Sequence[ManifestObject],
        *,
        revision: int = 1,
        failed: Iterable[FailedSymbol] = (),
    ) -> None:
        table = self.table
        manifest = Manifest(
            environment="test", domain=table.domain, table_name=table.table_name,
            data_source=table.data_source, interval=table.interval, ds=ds, generated_at=NOW, batch_id="b",
            revision=revision, objects=list(objects), failed_symbols=list(failed),
        )  # fmt: skip
        self.raw.write(table.manifest_key(ds), manifest.model_dump_json().encode())

    def manifest(self, ds: date) -> Manifest:
        return Manifest.model_validate_json(self.raw.read(self.table.manifest_key(ds)))

    def job(self, days: Iterable[date], **changes: Any) -> TransformInput:
        refs = [ManifestRef(ds=ds, manifest_key=self.table.manifest_key(ds)) for ds in days]
        table = self.table
        return TransformInput(
            manifest_keys=refs, domain=table.domain, table_name=table.table_name, interval=table.interval,
            data_source=table.data_source, raw_bucket=self.raw.bucket, **changes,
        )  # fmt: skip

    def curate(self, days: Iterable[date], **changes: Any) -> CurateResult:
        arguments: dict[str, Any] = {"batch_id": "b1", "max_invalid_ratio": 0.05, "now": NOW} | changes
        return curate_group(self.raw, self.curated, self.job(days), **arguments)

    def rows(self, ds: date) -> pl.DataFrame:
        """Return what is published for a day."""
        return pl.read_parquet(self.curated.read(self.target.part_key(ds)))

    def keys(self) -> set[str]:
        return {info.key for info in self.curated.list_objects("market/")}


@pytest.fixture
def lake(aws: Aws) -> Lake:
    """A lake of the test's own, empty."""
    names = [f"{kind}-{uuid.uuid4().hex[:12]}" for kind in ("raw", "curated")]
    for name in names:
        aws.client("s3").create_bucket(Bucket=name)
    return Lake(aws.object_store(names[0]), aws.object_store(names[1]))


@pytest.fixture
def make_bars() -> Callable[..., pl.DataFrame]:
    """Return a function that makes a symbol's good daily bars on the given days, each field open to change."""

    def make(name: str, *days: date, **fields: Any) -> pl.DataFrame:
        stamps = [datetime(day.year, day.month, day.day, tzinfo=timezone.utc) for day in days]
        values = {
            "symbol": name, "timestamp": stamps, "open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5,
            "adjusted_close": 10.25, "volume": 1000, **fields,
        }  # fmt: skip
        whole = {
            name: value if isinstance(value, list) else [value] * len(days) for name, value in values.items()
        }
        return pl.DataFrame(whole, schema=FRAME)

    return make


@pytest.fixture
def settings(aws: Aws, raw: ObjectStore, make_table: Any) -> Settings:
    """A deployment of the test's own: empty buckets, tables and queue."""
    curated, dlq = (f"{kind}-{uuid.uuid4().hex[:12]}" for kind in ("curated", "dlq"))
    aws.client("s3").create_bucket(Bucket=curated)
    aws.client("sqs").create_queue(QueueName=dlq)
    return Settings(
        environment="test", raw_bucket=raw.bucket, curated_bucket=curated, extract_dlq=dlq,
        idempotency_table=make_table("id").name, batch_table=make_table("batch_id", "item").name,
        source_table=make_table("id").name,
    )  # fmt: skip


@pytest.fixture
def dead_letters(aws: Aws, settings: Settings) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that receives and deletes the dead letters."""

    def receive() -> list[dict[str, Any]]:
        client = aws.client("sqs")
        url = client.get_queue_url(QueueName=settings.extract_dlq)["QueueUrl"]
        found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    return receive


@pytest.fixture
def replay() -> Replay:
    """A replay of the recorded prices: set `faults`, read `symbols` and `kinds`."""
    return create_app(load_prices())


@pytest.fixture
def replay_url(replay: Replay) -> Iterator[str]:
    """Where the replay listens."""
    with running(replay) as url:
        yield url
