"""Keep the Glue table of curated prices in step with their schema (`catalog_update`, seed 000 §4)."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime

from include.clients.catalog import Catalog, TableSpec
from include.clients.object_store import ObjectStore
from include.core.clock import iso_utc
from include.core.contracts import CatalogUpdate
from include.core.errors import ObjectChanged, ObjectMissing
from include.core.keys import CuratedTable
from include.prices import schema

log = logging.getLogger(__name__)


def update_catalog(
    curated: ObjectStore,
    catalog: Catalog,
    table: CuratedTable,
    mode: CatalogUpdate,
    days: Sequence[date],
    *,
    now: datetime,
) -> bool:
    """Bring the Glue table and the partitions of `days` up to date; return whether the table was written.

    `on_schema_change` writes the table where the stored fingerprint differs or Glue has no table, `force`
    always, `never` touches nothing. The fingerprint is stored last, so that a run killed in between is
    made good by the next one.
    """
    if mode == "never":
        return False
    spec = table_spec(curated, table)
    stored, etag = _read_fingerprint(curated, table)
    changed = stored != schema.fingerprint()
    due = mode == "force" or changed or not catalog.table_exists(spec.database, spec.name)
    if due:
        catalog.ensure_table(spec)
        log.info("Glue table %s.%s written", spec.database, spec.name)
    folders = {f"{ds}": curated.uri(table.part_key(ds).rpartition("/")[0] + "/") for ds in days}
    catalog.add_partitions(spec, folders)
    if changed:
        _write_fingerprint(curated, table, etag, now)
    return due


def table_spec(curated: ObjectStore, table: CuratedTable) -> TableSpec:
    """Return the Glue table of curated prices: database = domain."""
    return TableSpec(
        database=table.domain,
        name=table.table_name,
        location=curated.uri(table.prefix),
        columns=schema.GLUE_COLUMNS,
        partition_columns=schema.PARTITION_COLUMNS,
        parameters={"parquet.compression": "ZSTD", "schema_fingerprint": schema.fingerprint()},
    )


def _read_fingerprint(curated: ObjectStore, table: CuratedTable) -> tuple[str | None, str | None]:
    """Return the stored fingerprint (None: none, or unreadable) and the object's ETag (None: no object)."""
    try:
        data, info = curated.read_with_info(table.fingerprint_key)
    except ObjectMissing:
        return None, None
    try:
        return json.loads(data)["sha256"], info.etag
    except (ValueError, KeyError, TypeError):
        return None, info.etag


def _write_fingerprint(curated: ObjectStore, table: CuratedTable, etag: str | None, now: datetime) -> None:
    record = {"columns": schema.columns(), "sha256": schema.fingerprint(), "updated_at": iso_utc(now)}
    with suppress(ObjectChanged):  # another run of the same schema was faster
        curated.replace(table.fingerprint_key, json.dumps(record, indent=1).encode(), etag=etag)
