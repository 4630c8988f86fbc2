"""The whole pipeline on the local default, for tests: one stack a worker, one table of prices a test."""

from __future__ import annotations

import csv
import gzip
import json
import os
import urllib.request
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from devstack.dagrun import run_dag
from devstack.replay.prices import demo_file
from devstack.stack import Stack
from include.clients.object_store import ObjectStore
from include.core.contracts import Manifest
from include.core.keys import RawTable
from include.core.settings import Settings

FRIDAY = date(2013, 3, 1)
"""The last recorded session; every run is of this day unless the test says otherwise."""
SOURCE = "yahoo_finance"
Row = tuple[str, str, float, float, float, float, float, int]
"""symbol, session date, open, high, low, close, adjusted close, volume."""


@dataclass(frozen=True)
class Run:
    """What became of a run."""

    run_id: str
    state: str
    tasks: dict[str, list[str]]
    """States of each task's instances, by map index."""
    results: dict[str, list[Any]]
    """Return values of each task's instances, by map index."""


class Market:
    """One table of prices that belongs to a test alone, on the local default that it shares."""

    def __init__(self, stack: Stack, *, table_name: str | None = None) -> None:
        self.stack = stack
        self.table_name = table_name or f"t_{uuid.uuid4().hex[:10]}"
        self.table = RawTable("market", self.table_name, "1d", SOURCE)
        self.aws = stack.aws()
        variables = stack.environment()
        self.settings = Settings.model_validate_json(variables["AIRFLOW_VAR_TAPELINE_SETTINGS"])
        self.replay = json.loads(variables["AIRFLOW_CONN_YAHOO_DEFAULT"])["host"]

    def conf(self, **conf: Any) -> dict[str, Any]:
        """Return a run's configuration: this table, and no waiting for the rate limit."""
        overrides = {"rate_limit_per_minute": 100_000, **conf.pop("override_config", {})}
        return {"table_name": self.table_name, "override_config": overrides, **conf}

    def run(self, *, day: date = FRIDAY, **conf: Any) -> Run:
        """Run `prices_daily` in this process; the stack's environment must be applied."""
        return finished(run_dag("prices_daily", day, self.conf(**conf)))

    @property
    def raw(self) -> ObjectStore:
        return self.aws.object_store(self.settings.raw_bucket)

    @property
    def curated(self) -> ObjectStore:
        return self.aws.object_store(self.settings.curated_bucket)

    def raw_objects(self) -> dict[str, tuple[str, str]]:
        """Return `{key: (ETag, time of change)}` of the table's RAW objects, manifests left out."""
        return {key: info for key, info in self.raw_listing().items() if not key.endswith("manifest.json")}

    def raw_listing(self) -> dict[str, tuple[str, str]]:
        """Return `{key: (ETag, time of change)}` of everything in RAW that is the table's."""
        return self.listing(self.settings.raw_bucket, self.table.prefix)

    def curated_files(self) -> dict[str, tuple[str, str]]:
        """Return `{key: (ETag, time of change)}` of the table's curated files."""
        found = self.listing(self.settings.curated_bucket, self.table.curated.prefix)
        return {key: info for key, info in found.items() if key.endswith(".parquet")}

    def curated_bytes(self) -> dict[str, bytes]:
        """Return the table's curated files, without the table's name in their keys."""
        keys = sorted(self.curated_files())
        return {
            key.split("/", 2)[2]: data for key, data in zip(keys, self.curated.read_many(keys), strict=True)
        }

    def listing(self, bucket: str, prefix: str = "") -> dict[str, tuple[str, str]]:
        """Return `{key: (ETag, time of change)}` of all objects under a prefix."""
        pages = self.aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {
            item["Key"]: (item["ETag"], item["LastModified"].isoformat())
            for page in pages
            for item in page.get("Contents", [])
        }

    def manifest(self, ds: date = FRIDAY) -> Manifest:
        return Manifest.model_validate_json(self.raw.read(self.table.manifest_key(ds)))

    def manifests(self) -> dict[date, Manifest]:
        keys = [key for key in self.raw_listing() if key.endswith("manifest.json")]
        read = [Manifest.model_validate_json(data) for data in self.raw.read_many(keys)]
        return {manifest.ds: manifest for manifest in read}

    def rows(self) -> list[Row]:
        """Return the rows readers of the warehouse see, by symbol and day."""
        columns = "open, high, low, close, adjusted_close, volume"
        return self.ask(
            f"SELECT symbol, toString(toDate(timestamp)) AS day, {columns} "
            f"FROM market.{self.table_name} ORDER BY symbol, day"
        )

    def ask(self, sql: str) -> list[Any]:
        from include.orchestration import connections

        with connections.warehouse() as warehouse:
            return list(zip(*(column.to_pylist() for column in warehouse.query(sql).columns), strict=True))

    def audit(self) -> list[tuple[str, str]]:
        """Return (file, ETag) of every load that the warehouse knows of."""
        return self.ask(
            f"SELECT file_path, etag FROM market.load_audit WHERE table_name = '{self.table_name}' "
            "ORDER BY file_path"
        )

    def dead_letters(self) -> list[dict[str, Any]]:
        """Receive, and delete, all dead letters; return those of this table."""
        client = self.aws.client("sqs")
        url = client.get_queue_url(QueueName=self.settings.extract_dlq)["QueueUrl"]
        letters = []
        while found := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                letters.append(json.loads(message["Body"]))
        return [letter for letter in letters if letter["batch_id"].split(":")[1] == self.table_name]

    def dynamodb(self) -> dict[str, list[str]]:
        """Return every item of the pipeline's three tables, as text, sorted."""
        names = (self.settings.idempotency_table, self.settings.batch_table, self.settings.source_table)
        return {name: sorted(map(repr, self.aws.table(name).scan()["Items"])) for name in names}

    def executions(self, trigger: str, status: str) -> float:
        """Return how many runs CloudWatch counts for a trigger type and status."""
        now = datetime.now(timezone.utc)
        found = self.aws.client("cloudwatch").get_metric_statistics(
            Namespace="Extract/Triggers", MetricName="TriggerExecution", Period=86_400, Statistics=["Sum"],
            StartTime=now - timedelta(days=1), EndTime=now + timedelta(days=1),
            Dimensions=[
                {"Name": "TriggerType", "Value": trigger}, {"Name": "Domain", "Value": "market"},
                {"Name": "Status", "Value": status},
            ],
        )  # fmt: skip
        return sum(point["Sum"] for point in found["Datapoints"])

    def forget_source_state(self) -> None:
        """Set rate limit and circuit breaker back, as if an hour had passed."""
        table = self.aws.table(self.settings.source_table)
        for item in table.scan()["Items"]:
            table.delete_item(Key={"id": item["id"]})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call one of the replay's own routes, for instance `POST /_faults`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.replay}{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@contextmanager
def applied(environment: dict[str, str]) -> Iterator[None]:
    """Have the variables set for a while."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def recorded_rows(symbols: Iterable[str], first: str, last: str = "2013-03-01") -> list[Row]:
    """Return the recorded prices of the days, read with the standard library alone, by symbol and day."""
    with gzip.open(demo_file(), "rt", encoding="utf-8", newline="") as file:
        return sorted(
            (
                row["Ticker"],
                row["Date"],
                *(float(row[name]) for name in ("Open", "High", "Low", "Close", "Adj Close")),
                int(row["Volume"]),
            )
            for row in csv.DictReader(file)
            if row["Ticker"] in set(symbols) and first <= row["Date"] <= last
        )  # type: ignore[return-value]


def finished(dag_run: Any) -> Run:
    """Return what became of Airflow's `DagRun`."""
    results = pushed(dag_run.dag_id, dag_run.run_id, "return_value")
    return Run(dag_run.run_id, str(dag_run.state), _states(dag_run), results)


def _states(dag_run: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for ti in sorted(dag_run.get_task_instances(), key=lambda ti: ti.map_index):
        found.setdefault(ti.task_id, []).append(str(ti.state))
    return found


def pushed(dag_id: str, run_id: str, key: str) -> dict[str, list[Any]]:
    """Return what a run's tasks pushed under the key, by map index."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = select(XComModel).where(
        XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == key
    )
    found: dict[str, list[Any]] = {}
    with create_session() as session:
        for row in session.scalars(wanted.order_by(XComModel.map_index)):
            found.setdefault(row.task_id, []).append(XComModel.deserialize_value(row))
    return found
