"""When the Glue table of curated prices is written, and when it is left alone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from include.clients.aws import Aws
from include.clients.catalog import Catalog
from include.core.keys import RawTable
from include.prices import schema
from include.prices.catalog_update import update_catalog

if TYPE_CHECKING:
    from conftest import Lake  # the fixture's type, for readers

pytestmark = pytest.mark.integration
DAYS = [date(2013, 2, 28), date(2013, 3, 1)]


class CountingCatalog(Catalog):
    """The real catalog, and how often its table was written."""

    written = 0

    def ensure_table(self, table: Any) -> None:
        self.written += 1
        super().ensure_table(table)


@pytest.fixture
def catalog(aws: Aws, lake: Lake) -> CountingCatalog:
    lake.table = RawTable(f"market_{uuid.uuid4().hex[:8]}", "prices", "1d", "yahoo_finance")
    return CountingCatalog(aws.client("glue"))


def update(lake: Lake, catalog: Catalog, mode: Any, now: Any) -> bool:
    return update_catalog(lake.curated, catalog, lake.target, mode, DAYS, now=now)


@pytest.fixture
def now() -> Any:
    from datetime import datetime, timezone

    return datetime(2013, 3, 4, tzinfo=timezone.utc)


def test_a_transform_registers_its_table_and_days(
    aws: Aws, lake: Lake, catalog: Catalog, make_bars: Callable[..., pl.DataFrame]
) -> None:
    lake.curate(lake.put(make_bars("AAPL", *DAYS)), catalog=catalog)
    glue = aws.client("glue")
    names = {"DatabaseName": lake.table.domain, "TableName": "prices"}
    partitions = glue.get_partitions(**names)["Partitions"]
    assert sorted(p["Values"][0] for p in partitions) == ["2013-02-28", "2013-03-01"]
    folder = lake.curated.uri(f"{lake.target.prefix}ds=2013-03-01/")
    assert folder in {p["StorageDescriptor"]["Location"] for p in partitions}
    stored = json.loads(lake.curated.read(lake.target.fingerprint_key))
    assert stored["sha256"] == schema.fingerprint()
    assert stored["columns"][1] == {"name": "timestamp", "type": "timestamp[ms, tz=UTC]"}


def test_on_schema_change_writes_the_table_once(lake: Lake, catalog: CountingCatalog, now: Any) -> None:
    assert update(lake, catalog, "on_schema_change", now) is True
    assert update(lake, catalog, "on_schema_change", now) is False
    assert catalog.written == 1


def test_on_schema_change_notices_another_fingerprint(lake: Lake, catalog: CountingCatalog, now: Any) -> None:
    update(lake, catalog, "on_schema_change", now)
    lake.curated.write(lake.target.fingerprint_key, b'{"sha256": "of an older schema"}')
    assert update(lake, catalog, "on_schema_change", now) is True
    assert json.loads(lake.curated.read(lake.target.fingerprint_key))["sha256"] == schema.fingerprint()


def test_on_schema_change_brings_back_a_table_that_is_gone(
    aws: Aws, lake: Lake, catalog: CountingCatalog, now: Any
) -> None:
    update(lake, catalog, "on_schema_change", now)
    aws.client("glue").delete_table(DatabaseName=lake.table.domain, Name="prices")
    assert update(lake, catalog, "on_schema_change", now) is True
    assert catalog.table_exists(lake.table.domain, "prices")


def test_force_always_writes_and_never_does_not(lake: Lake, catalog: CountingCatalog, now: Any) -> None:
    assert update(lake, catalog, "never", now) is False
    assert catalog.table_exists(lake.table.domain, "prices") is False
    assert update(lake, catalog, "force", now) is True
    assert update(lake, catalog, "force", now) is True
    assert catalog.written == 2


def test_a_run_killed_before_the_fingerprint_is_made_good(
    lake: Lake, catalog: CountingCatalog, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(catalog, "add_partitions", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            update(lake, catalog, "on_schema_change", now)
    assert lake.curated.head(lake.target.fingerprint_key) is None
    assert update(lake, catalog, "on_schema_change", now) is True
