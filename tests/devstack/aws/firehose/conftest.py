"""Delivery streams of a test's own on a local AWS that the module shares."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from include.clients.aws import Aws
from tests.devstack.conftest import LocalAwsProcess

SECONDS = 60
"""How long a delivery may take on a loaded machine."""
PREFIX = "events/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
DELIMITER = {
    "Type": "AppendDelimiterToRecord",
    "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}],
}


@pytest.fixture(scope="module")
def shared_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAwsProcess]:
    """A local AWS of the module's own, running."""
    process = LocalAwsProcess(tmp_path_factory.mktemp("aws"))
    try:
        process.start()
        yield process
    finally:
        process.stop()


@dataclass
class Stream:
    """A delivery stream with a bucket of its own."""

    aws: Aws
    name: str = field(default_factory=lambda: f"stream-{uuid.uuid4().hex[:8]}")

    def build(self, *, seconds: int = 1, megabytes: int = 1, has_bucket: bool = True, **more: Any) -> Stream:
        if has_bucket:
            self.aws.client("s3").create_bucket(Bucket=self.name)
        config = {
            "RoleARN": "arn:aws:iam::000000000000:role/delivery",
            "BucketARN": f"arn:aws:s3:::{self.name}",
            "Prefix": PREFIX,
            "ErrorOutputPrefix": "events/error/!{firehose:error-output-type}/",
            "BufferingHints": {"IntervalInSeconds": seconds, "SizeInMBs": megabytes},
            "ProcessingConfiguration": {"Enabled": True, "Processors": [DELIMITER]},
        }
        self.aws.client("firehose").create_delivery_stream(
            DeliveryStreamName=self.name, ExtendedS3DestinationConfiguration=config | more
        )
        return self

    @property
    def arn(self) -> str:
        return f"arn:aws:firehose:us-east-1:000000000000:deliverystream/{self.name}"

    def put(self, *records: bytes) -> None:
        answer = self.aws.client("firehose").put_record_batch(
            DeliveryStreamName=self.name, Records=[{"Data": record} for record in records]
        )
        assert (answer["FailedPutCount"], len(answer["RequestResponses"])) == (0, len(records))

    def target(self, pattern: dict[str, Any], **more: Any) -> None:
        """Make the stream the target of a rule with its name."""
        events = self.aws.client("events")
        events.put_rule(Name=self.name, EventPattern=json.dumps(pattern))
        target = {"Id": "1", "Arn": self.arn, "RoleArn": "arn:aws:iam::000000000000:role/delivery"}
        events.put_targets(Rule=self.name, Targets=[{**target, "InputPath": "$.detail", **more}])

    def objects(self) -> dict[str, bytes]:
        """Return what was delivered, by key."""
        client = self.aws.client("s3")
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
        return {key: client.get_object(Bucket=self.name, Key=key)["Body"].read() for key in keys}

    def lines(self) -> list[bytes]:
        """Return the lines of all objects; each ends its line."""
        found = []
        for key, content in self.objects().items():
            text = gzip.decompress(content) if key.endswith(".gz") else content
            assert text.endswith(b"\n")
            found += text.removesuffix(b"\n").split(b"\n")
        return found

    def await_lines(self, count: int) -> list[bytes]:
        return eventually(lambda: found if len(found := self.lines()) >= count else None, f"{count} lines")


def eventually(check: Callable[[], Any], what: str) -> Any:
    """Return the first true answer of `check`."""
    deadline = time.monotonic() + SECONDS
    while not (found := check()):
        assert time.monotonic() < deadline, f"{what} did not come within {SECONDS} s"
        time.sleep(0.1)
    return found
