"""Price tables: eight columns of fixed types, one row a symbol and bar, whatever file it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only
import pyarrow.compute as pc  # noqa: TID253

from include.clients.warehouse.form import ReadPart, TableForm
from include.clients.warehouse.ledger import Content
from include.clients.warehouse.parquet import file_id
from include.clients.warehouse.tables import migrate, read_sql
from include.core.errors import SchemaMismatch

COLUMNS = ["symbol", "timestamp", "open", "high", "low", "close", "adjusted_close", "volume"]
NULLABLE = {"adjusted_close"}
_TYPES = {"symbol": "string", "timestamp": "timestamp in UTC", "volume": "int64"}
# ClickHouse's DateTime: seconds since 1970 in 32 bits.
_LAST_SECOND = 2**32 - 1
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
# Without these ClickHouse makes a value up: 0 for a null or a missing column, another year for a far time.
STRICT = {
    "input_format_null_as_default": 0,
    "input_format_parquet_allow_missing_columns": 0,
    "date_time_overflow_behavior": "throw",
    # a block may hold many months of few symbols
    "max_partitions_per_insert_block": 0,
}


@dataclass(frozen=True)
class PriceForm(TableForm):
    """The tables of 0001_prices.sql."""

    columns: ClassVar[Sequence[str] | None] = COLUMNS
    dictionaries: ClassVar[Sequence[str]] = ("symbol",)
    reads_at_once: ClassVar[bool] = True
    by_server: ClassVar[bool] = True
    exact: ClassVar[bool] = False

    def migrate(self) -> None:
        migrate(self.warehouse, self.table)

    def check_schema(self, schema: pa.Schema, uri: str) -> None:
        faults = [f"{name} is missing" for name in COLUMNS if name not in schema.names]
        for name in schema.names:
            if name not in COLUMNS:
                faults.append(f"{name} is not a column of the table")
            elif not _fits(name, schema.field(name).type):
                faults.append(f"{name} is {schema.field(name).type}, not {_TYPES.get(name, 'double')}")
        if faults:
            raise SchemaMismatch(
                f"{uri} does not fit its table, so nothing of it was loaded: {'; '.join(faults)}."
            )

    def check_values(self, batch: pa.RecordBatch, uri: str) -> None:
        for name in COLUMNS:
            if name not in NULLABLE and batch.column(name).null_count:
                raise SchemaMismatch(f"{uri} has rows without {name}, so it was not loaded.")
        _check_times(batch.column("timestamp"), uri)

    def prepare(self, parts: Mapping[str, ReadPart]) -> dict[str, str]:
        del parts  # its migrations have made it
        return {}

    def rows_of(
        self, content: Content, batches: Iterable[pa.RecordBatch], columns: dict[str, str]
    ) -> Iterator[pa.RecordBatch]:
        del columns  # they are always the same
        origin = pa.scalar(file_id(content.info.key), pa.uint64())
        for batch in batches:
            rows = batch.num_rows
            yield pa.RecordBatch.from_arrays(
                [
                    *batch.columns,
                    pa.repeat(origin, rows),
                    pa.repeat(pa.scalar(content.version, pa.uint64()), rows),
                    pa.repeat(pa.scalar(0, pa.uint8()), rows),
                ],
                names=[*batch.schema.names, "file_id", "version", "is_deleted"],
            )

    def hide_removed(self, contents: Sequence[Content]) -> None:
        if contents:
            self.warehouse.execute(
                read_sql("insert_removed_prices", self.table),
                {"ids": [file_id(c.info.key) for c in contents], "versions": [c.version for c in contents]},
            )

    def write_by_server(self, contents: Sequence[Content]) -> None:
        keys = [content.info.key for content in contents]
        self.warehouse.execute(
            read_sql("insert_prices_from_s3", self.table),
            {
                "url": self.store.http_url(keys[0] if len(keys) == 1 else "{" + ",".join(keys) + "}"),
                "paths": [f"{self.store.bucket}/{key}" for key in keys],
                "ids": [file_id(key) for key in keys],
                "etags": [content.info.etag for content in contents],
                "versions": [content.version for content in contents],
            },
            settings=STRICT,
        )


def _fits(name: str, kind: pa.DataType) -> bool:
    if name == "symbol":
        value = kind.value_type if pa.types.is_dictionary(kind) else kind
        return bool(pa.types.is_string(value) or pa.types.is_large_string(value))
    if name == "timestamp":
        return bool(pa.types.is_timestamp(kind) and kind.tz == "UTC")
    return bool(kind.equals(pa.int64() if name == "volume" else pa.float64()))


def _check_times(stamps: pa.Array, uri: str) -> None:
    span = pc.min_max(stamps.cast(pa.int64()))
    lowest, highest = span["min"].as_py(), span["max"].as_py()
    second = _UNITS[stamps.type.unit]
    if lowest is not None and not (lowest >= 0 and highest // second <= _LAST_SECOND):
        raise SchemaMismatch(
            f"{uri} has a timestamp before 1970 or after 2106, which the warehouse cannot hold, so it was not "
            "loaded."
        )
    whole = pc.multiply(pc.divide(stamps.cast(pa.int64()), second), second)
    if not pc.all(pc.equal(whole, stamps.cast(pa.int64())), min_count=0).as_py():
        raise SchemaMismatch(
            f"{uri} has a timestamp with a fraction of a second, which the warehouse cannot hold, so it was not "
            "loaded."
        )
