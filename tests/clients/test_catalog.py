"""The Glue catalog against a real (local) Glue."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest
from botocore.stub import Stubber

from include.clients.aws import Aws
from include.clients.catalog import Catalog, TableSpec
from include.core.errors import CallRefused, ServiceUnavailable

pytestmark = pytest.mark.integration


@pytest.fixture
def glue(aws: Aws) -> Any:
    return aws.client("glue")


@pytest.fixture
def spec() -> TableSpec:
    return TableSpec(
        database=f"market_{uuid.uuid4().hex[:8]}",
        name="prices",
        location="s3://curated/market/prices/",
        columns=[("symbol", "string"), ("close", "double")],
        partition_columns=[("ds", "string")],
        parameters={"parquet.compression": "ZSTD"},
    )


def test_a_table_is_made_with_its_database(glue: Any, spec: TableSpec) -> None:
    catalog = Catalog(glue)
    assert catalog.table_exists(spec.database, spec.name) is False
    catalog.ensure_table(spec)
    assert catalog.table_exists(spec.database, spec.name) is True
    table = glue.get_table(DatabaseName=spec.database, Name="prices")["Table"]
    assert table["StorageDescriptor"]["Columns"] == [
        {"Name": "symbol", "Type": "string"}, {"Name": "close", "Type": "double"},
    ]  # fmt: skip
    assert table["PartitionKeys"] == [{"Name": "ds", "Type": "string"}]
    assert table["StorageDescriptor"]["Location"] == "s3://curated/market/prices/"
    assert "Parquet" in table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]


def test_a_table_that_exists_is_updated(glue: Any, spec: TableSpec) -> None:
    catalog = Catalog(glue)
    catalog.ensure_table(spec)
    catalog.ensure_table(dataclasses.replace(spec, columns=[*spec.columns, ("volume", "bigint")]))
    table = glue.get_table(DatabaseName=spec.database, Name="prices")["Table"]
    assert table["StorageDescriptor"]["Columns"][-1] == {"Name": "volume", "Type": "bigint"}


def test_partitions_are_added_in_batches_and_once(glue: Any, spec: TableSpec) -> None:
    catalog = Catalog(glue)
    catalog.ensure_table(spec)
    folders = {f"day-{n:03d}": f"{spec.location}ds=day-{n:03d}/" for n in range(230)}
    catalog.add_partitions(spec, folders)
    catalog.add_partitions(spec, folders)
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=spec.database, TableName="prices")
    found = [partition for page in pages for partition in page["Partitions"]]
    assert {p["Values"][0]: p["StorageDescriptor"]["Location"] for p in found} == folders
    assert len(found) == 230


def test_a_refused_partition_is_named(glue: Any, spec: TableSpec) -> None:
    detail = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "no such table"}
    answer = {"Errors": [{"PartitionValues": ["2013-03-01"], "ErrorDetail": detail}]}
    with Stubber(glue) as stubbed:
        stubbed.add_response("batch_create_partition", answer)
        with pytest.raises(CallRefused, match=r"2013-03-01.*no such table"):
            Catalog(glue).add_partitions(spec, {"2013-03-01": spec.location})


def test_a_glue_that_does_not_answer_is_transient(spec: TableSpec) -> None:
    nowhere = Aws("us-east-1", "http://127.0.0.1:9", access_key_id="test", secret_access_key="test")
    with pytest.raises(ServiceUnavailable, match="Writing Glue table"):
        Catalog(nowhere.client("glue")).ensure_table(spec)
