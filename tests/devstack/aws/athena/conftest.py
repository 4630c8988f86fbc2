"""A local AWS with an events bucket and a Glue database, shared by the tests of a module, and ways to ask it."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from include.clients.aws import Aws
from tests.devstack.conftest import LocalAwsProcess

SECONDS = 60
BUCKET, RESULTS, DATABASE = "events-bucket", "results-bucket", "g1"
CREATE = """
CREATE EXTERNAL TABLE IF NOT EXISTS {table} (
  schemaVersion int, env string, eventId string, requestId string, eventType string, finalStatus string,
  resultCode string,
  timestamps struct<queuedAt:bigint, startedAt:bigint, finishedAt:bigint>,
  delivery struct<attempt:int, isDlq:boolean>,
  failure struct<failureClass: string, errorCode: string, errorMessage: string>,
  meta struct<workerId: string>
)
PARTITIONED BY (dt string, hour string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('ignore.malformed.json'='{ignored}')
LOCATION 's3://{bucket}/{prefix}/'
TBLPROPERTIES ('projection.enabled'='false')
"""
Cells = list[list["str | None"]]


def event(number: int = 0, *, queued: int = 1_767_484_800_000, **changes: Any) -> dict[str, Any]:
    """Return an event of the participation service."""
    return {
        "schemaVersion": 1, "env": "dev", "eventId": f"event-{number % 3}", "requestId": f"req-{number}",
        "eventType": "FIRST_COME", "finalStatus": "SUCCEEDED", "resultCode": "SUCCESS",
        "timestamps": {"queuedAt": queued, "startedAt": queued + 100 + number, "finishedAt": queued + 250 + number},
        "delivery": {"attempt": 1, "isDlq": False},
        "failure": {"failureClass": None, "errorCode": None, "errorMessage": None},
        "meta": {"workerId": "local-1"},
    } | changes  # fmt: skip


@dataclass
class Lake:
    """Asks one local Athena."""

    aws: Aws

    @property
    def athena(self) -> Any:
        return self.aws.client("athena")

    def put(self, key: str, *lines: Any, compress: bool = False) -> None:
        """Write an object; an event is one line of JSON, text is as it is."""
        text = "".join(one if isinstance(one, str) else json.dumps(one) + "\n" for one in lines)
        body = gzip.compress(text.encode()) if compress else text.encode()
        self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)

    def table(self, name: str, *, ignored: str = "true") -> str:
        """Make a table of the test's own over the prefix of its name, with the partitions that are there."""
        self.run(CREATE.format(table=name, ignored=ignored, bucket=BUCKET, prefix=name))
        self.run(f"MSCK REPAIR TABLE {name}")
        return name

    def start(self, sql: str, **options: Any) -> str:
        """Start a query; return its id."""
        options.setdefault("ResultConfiguration", {"OutputLocation": f"s3://{RESULTS}/out/"})
        context = {"Database": DATABASE}
        answer = self.athena.start_query_execution(QueryString=sql, QueryExecutionContext=context, **options)
        return str(answer["QueryExecutionId"])

    def end(self, query_id: str) -> dict[str, Any]:
        """Wait for a query's end; return its execution."""
        deadline = time.monotonic() + SECONDS
        while True:
            found: dict[str, Any] = self.athena.get_query_execution(QueryExecutionId=query_id)[
                "QueryExecution"
            ]
            if found["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    def run(self, sql: str, **options: Any) -> dict[str, Any]:
        """Run a statement that succeeds; return its execution."""
        found = self.end(self.start(sql, **options))
        assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
        return found

    def rows(self, sql: str, **options: Any) -> Cells:
        """Return the rows of a query, without the header."""
        found = self.run(sql, **options)
        pages = self.athena.get_paginator("get_query_results").paginate(
            QueryExecutionId=found["QueryExecutionId"]
        )
        cells = [
            [cell.get("VarCharValue") for cell in row["Data"]]
            for page in pages
            for row in page["ResultSet"]["Rows"]
        ]
        return cells[1:] if found["StatementType"] == "DML" else cells

    def failure(self, sql: str, **options: Any) -> str:
        """Return the reason for which a query fails."""
        found = self.end(self.start(sql, **options))
        assert found["Status"]["State"] == "FAILED", found["Status"]
        return str(found["Status"]["StateChangeReason"])


@pytest.fixture(scope="package")
def local_athena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAwsProcess]:
    """One local AWS for all tests of the folder; names in it are the test's business."""
    process = LocalAwsProcess(tmp_path_factory.mktemp("athena"))
    try:
        aws = process.start()
        for bucket in (BUCKET, RESULTS):
            aws.client("s3").create_bucket(Bucket=bucket)
        aws.client("glue").create_database(DatabaseInput={"Name": DATABASE})
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="package")
def lake(local_athena: LocalAwsProcess) -> Lake:
    """Ways to ask it."""
    return Lake(local_athena.aws)
