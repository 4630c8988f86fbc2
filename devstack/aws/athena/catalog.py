"""Tables and partitions of the Glue catalog, read and changed through Glue's and S3's public interfaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from devstack.aws.athena.errors import QueryFailed, unsupported
from devstack.aws.athena.projection import Projection
from devstack.aws.athena.results import split_s3
from include.clients.aws import Aws, error_code

_BATCH = 100
"""Partitions that Glue takes in one call."""


@dataclass(frozen=True)
class Partition:
    """One partition, or the whole of a table that has no partition keys."""

    values: tuple[str, ...]
    location: str
    """`s3://bucket/prefix/`"""


@dataclass(frozen=True)
class Table:
    """A table as Glue describes it; names are lower case."""

    glue: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.glue["Name"])

    @property
    def database(self) -> str:
        return str(self.glue["DatabaseName"])

    @property
    def storage(self) -> Mapping[str, Any]:
        return self.glue.get("StorageDescriptor") or {}

    @property
    def location(self) -> str:
        return str(self.storage.get("Location", "")).rstrip("/") + "/"

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Names and Hive types, without the partition keys."""
        return [(one["Name"].lower(), one["Type"]) for one in self.storage.get("Columns") or []]

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Names and Hive types of the partition keys."""
        return [(one["Name"].lower(), one["Type"]) for one in self.glue.get("PartitionKeys") or []]

    @property
    def parameters(self) -> Mapping[str, str]:
        return self.glue.get("Parameters") or {}


class Catalog:
    """The databases of one account and region."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    @property
    def glue(self) -> Any:
        return self._aws.client("glue")

    def find(self, database: str, name: str) -> Table | None:
        """Return the table, or None where there is none."""
        try:
            found = self.glue.get_table(DatabaseName=database, Name=name)["Table"]
        except ClientError as error:
            if error_code(error) != "EntityNotFoundException":
                raise
            return None
        return Table({"DatabaseName": database, **found})

    def table(self, database: str, name: str) -> Table:
        """Return the table; one that does not exist fails the statement."""
        if (found := self.find(database, name)) is None:
            raise QueryFailed(f"FAILED: SemanticException [Error 10001]: Table not found {database}.{name}")
        return found

    def tables(self, database: str) -> list[str]:
        """Return the names of a database's tables."""
        pages = self.glue.get_paginator("get_tables").paginate(DatabaseName=database)
        return sorted(table["Name"] for page in pages for table in page["TableList"])

    def partitions(self, table: Table) -> list[Partition]:
        """Return what a query of the table may read: by Glue, or by projection."""
        if not table.keys:
            return [Partition((), table.location)]
        if table.parameters.get("projection.enabled", "").lower() == "true":
            return self._projected(table)
        return self.registered(table)

    def registered(self, table: Table) -> list[Partition]:
        """Return the partitions that Glue knows."""
        pages = self.glue.get_paginator("get_partitions").paginate(
            DatabaseName=table.database, TableName=table.name
        )
        return [
            Partition(tuple(one["Values"]), one["StorageDescriptor"]["Location"].rstrip("/") + "/")
            for page in pages for one in page["Partitions"]
        ]  # fmt: skip

    def found(self, table: Table) -> list[Partition]:
        """Return the partitions that lie under the table's location as `key=value/` folders."""
        bucket, prefix = split_s3(table.location)
        return list(self._walk(bucket, prefix, [name for name, _ in table.keys], ()))

    def _projected(self, table: Table) -> list[Partition]:
        """Return the folders whose values the table's projection has; one without files has no rows anyway."""
        if "storage.location.template" in table.parameters:
            raise unsupported("storage.location.template of a partition projection")
        projection = Projection.of(table.parameters, [name for name, _ in table.keys])
        return [one for one in self.found(table) if projection.has(one.values)]

    def _walk(
        self, bucket: str, prefix: str, keys: Sequence[str], values: tuple[str, ...]
    ) -> Iterator[Partition]:
        if not keys:
            yield Partition(values, f"s3://{bucket}/{prefix}")
            return
        pages = (
            self._aws.client("s3").get_paginator("list_objects_v2")
            .paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        )  # fmt: skip
        for page in pages:
            for common in page.get("CommonPrefixes") or []:
                key, _, value = common["Prefix"][len(prefix) : -1].partition("=")
                if key.lower() == keys[0] and value:
                    yield from self._walk(bucket, common["Prefix"], keys[1:], (*values, unquote(value)))

    def add(self, table: Table, partitions: Sequence[Partition], *, missing_only: bool) -> None:
        """Register partitions; one that is there is an error unless `missing_only`."""
        for start in range(0, len(partitions), _BATCH):
            inputs = [
                {"Values": list(one.values), "StorageDescriptor": {**table.storage, "Location": one.location}}
                for one in partitions[start : start + _BATCH]
            ]
            answer = self.glue.batch_create_partition(
                DatabaseName=table.database, TableName=table.name, PartitionInputList=inputs
            )
            for fault in answer.get("Errors") or []:
                code = fault["ErrorDetail"]["ErrorCode"]
                if code != "AlreadyExistsException":
                    raise QueryFailed(f"FAILED: {code}: {fault['ErrorDetail'].get('ErrorMessage', '')}")
                if not missing_only:
                    raise QueryFailed("FAILED: SemanticException Partition already exists")

    def drop(self, table: Table, values: Sequence[str], *, existing_only: bool) -> None:
        """Forget a partition; its files stay."""
        try:
            self.glue.delete_partition(
                DatabaseName=table.database, TableName=table.name, PartitionValues=list(values)
            )
        except ClientError as error:
            if error_code(error) != "EntityNotFoundException" or not existing_only:
                raise
