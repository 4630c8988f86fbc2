"""The Glue Data Catalog: external Parquet tables and their partitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.clients.aws import aws_error, error_code
from include.core.errors import CallRefused

PARTITIONS_A_CALL = 100
"""Glue's own limit of BatchCreatePartition."""
Columns = Sequence[tuple[str, str]]
_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}


@dataclass(frozen=True)
class TableSpec:
    """An external Parquet table as it should be."""

    database: str
    name: str
    location: str
    """`s3://bucket/prefix/`."""
    columns: Columns
    """`(name, Glue type)` in file order."""
    partition_columns: Columns
    parameters: Mapping[str, str]
    """Kept with the table; `classification` is set by itself."""

    def storage(self, location: str) -> dict[str, Any]:
        """Return Glue's StorageDescriptor of the table, or of a partition, at `location`."""
        return {"Columns": _columns(self.columns), "Location": location, "Compressed": True, **_PARQUET}

    def table_input(self) -> dict[str, Any]:
        """Return Glue's TableInput."""
        return {
            "Name": self.name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet", **self.parameters},
            "PartitionKeys": _columns(self.partition_columns),
            "StorageDescriptor": self.storage(self.location),
        }


class Catalog:
    """The account's catalog; `glue` is a boto3 client."""

    def __init__(self, glue: Any) -> None:
        self._glue = glue

    def table_exists(self, database: str, name: str) -> bool:
        """Return whether the catalog has the table."""
        with _errors(f"Reading Glue table {database}.{name}"):
            try:
                self._glue.get_table(DatabaseName=database, Name=name)
            except ClientError as error:
                if error_code(error) == "EntityNotFoundException":
                    return False
                raise
        return True

    def ensure_table(self, table: TableSpec) -> None:
        """Make the database and the table what they should be, new or not; doing it again changes nothing."""
        with _errors(f"Writing Glue table {table.database}.{table.name}"):
            _ignoring_existing(self._glue.create_database, DatabaseInput={"Name": table.database})
            wanted = {"DatabaseName": table.database, "TableInput": table.table_input()}
            if not _ignoring_existing(self._glue.create_table, **wanted):
                self._glue.update_table(**wanted)

    def add_partitions(self, table: TableSpec, partitions: Mapping[str, str]) -> None:
        """Add `{value of the one partition column: location}`; those that exist stay as they are."""
        items = list(partitions.items())
        for first in range(0, len(items), PARTITIONS_A_CALL):
            self._add(table, items[first : first + PARTITIONS_A_CALL])

    def _add(self, table: TableSpec, items: Sequence[tuple[str, str]]) -> None:
        doing = f"Adding {len(items)} partitions to Glue table {table.database}.{table.name}"
        with _errors(doing):
            answer = self._glue.batch_create_partition(
                DatabaseName=table.database,
                TableName=table.name,
                PartitionInputList=[
                    {"Values": [value], "StorageDescriptor": table.storage(location)}
                    for value, location in items
                ],
            )
        refused = [
            fault
            for fault in answer.get("Errors", [])
            if fault["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException"
        ]
        if refused:
            first = refused[0]
            raise CallRefused(
                f"{doing}: {len(refused)} were refused, the first {first['PartitionValues']} because of "
                f"{first['ErrorDetail']['ErrorCode']}: {first['ErrorDetail'].get('ErrorMessage', '')}"
            )


def _columns(columns: Columns) -> list[dict[str, str]]:
    return [{"Name": name, "Type": kind} for name, kind in columns]


def _ignoring_existing(call: Any, **arguments: Any) -> bool:
    """Call and return True, or False where the thing exists already."""
    try:
        call(**arguments)
    except ClientError as error:
        if error_code(error) == "AlreadyExistsException":
            return False
        raise
    return True


@contextmanager
def _errors(doing: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise aws_error(error, doing) from error
