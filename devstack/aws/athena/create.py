"""CREATE: from the statement's tree to Glue's description of a database, a table or a view."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlglot import exp

from devstack.aws.athena.errors import QueryFailed, unsupported

_LAZY_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_PARQUET_INPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_PARQUET_OUTPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"


def hive_type(kind: Any) -> str:
    """Return Glue's spelling of a type: lower case, `struct<a:bigint>`."""
    if kind.this is exp.DataType.Type.STRUCT:
        fields = (f"{field.name.lower()}:{hive_type(field.args['kind'])}" for field in kind.expressions)
        return f"struct<{','.join(fields)}>"
    if kind.this in (exp.DataType.Type.ARRAY, exp.DataType.Type.LIST):
        return f"array<{hive_type(kind.expressions[0])}>"
    if kind.this is exp.DataType.Type.MAP:
        return f"map<{hive_type(kind.expressions[0])},{hive_type(kind.expressions[1])}>"
    return str(kind.sql("hive")).lower()


def table_input(tree: Any) -> dict[str, Any]:
    """Return Glue's `TableInput` for CREATE EXTERNAL TABLE."""
    if not tree.find(exp.ExternalProperty):
        raise QueryFailed("FAILED: ParseException: External keyword required for table type HIVE")
    given = tree.args["properties"].expressions
    location = _property(given, exp.LocationProperty)
    if location is None:
        raise QueryFailed("FAILED: ParseException: LOCATION is required for an external table")
    parted = _property(given, exp.PartitionedByProperty)
    name = tree.this.find(exp.Table)
    return {
        "Name": name.name.lower(),
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", **_pairs(one for one in given if type(one) is exp.Property)},
        "PartitionKeys": _columns(parted.this.expressions) if parted else [],
        "StorageDescriptor": {
            "Columns": _columns(tree.this.expressions),
            "Location": location.this.name,
            **_format(given),
        },
    }


def _format(given: list[Any]) -> dict[str, Any]:
    """Return the formats and the SerDe of a storage descriptor."""
    row = _property(given, exp.RowFormatSerdeProperty)
    stored = _property(given, exp.FileFormatProperty)
    parquet = stored is not None and getattr(stored.this, "name", "").upper() == "PARQUET"
    if _property(given, exp.RowFormatDelimitedProperty):
        raise unsupported("ROW FORMAT DELIMITED")
    serde = row.this.name if row else (_PARQUET_SERDE if parquet else _LAZY_SERDE)
    options = row.args.get("serde_properties") if row else None
    return {
        "InputFormat": _PARQUET_INPUT if parquet else _TEXT_INPUT,
        "OutputFormat": _PARQUET_OUTPUT if parquet else _TEXT_OUTPUT,
        "SerdeInfo": {
            "SerializationLibrary": serde,
            "Parameters": _pairs(options.expressions) if options else {},
        },
    }


def _property(given: Iterable[Any], kind: type[Any]) -> Any:
    return next((one for one in given if isinstance(one, kind)), None)


def _pairs(given: Iterable[Any]) -> dict[str, str]:
    return {one.name: one.args["value"].name if one.args.get("value") else "" for one in given}


def _columns(given: Iterable[Any]) -> list[dict[str, str]]:
    return [
        {"Name": one.name.lower(), "Type": hive_type(one.args["kind"])}
        for one in given if isinstance(one, exp.ColumnDef)
    ]  # fmt: skip
