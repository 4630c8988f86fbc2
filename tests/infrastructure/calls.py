"""From a request on the wire to the IAM actions it needs (AWS service authorization reference)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from devstack.stack import ENVIRONMENT
from tests.infrastructure.recorder import Request

REGION, ACCOUNT = "us-east-1", "000000000000"


@dataclass(frozen=True)
class Call:
    """One thing that a component must be allowed to do."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = field(default=())
    """Condition keys and their values."""


def calls_of(request: Request) -> list[Call]:
    """Return what a request needs; a request that is not known here fails the test."""
    target = request.headers.get("x-amz-target")
    if not target:
        return list(_of_s3(request))
    service, _, operation = target.partition(".")
    return list(_SERVICES[service](operation, json.loads(request.body)))


def _of_s3(request: Request) -> Iterator[Call]:
    url = urlsplit(request.target)
    bucket, _, key = unquote(url.path).lstrip("/").partition("/")
    query = parse_qs(url.query, keep_blank_values=True)
    thing = f"arn:aws:s3:::{bucket}/{key}"
    if not key and request.method == "GET" and "list-type" in query:
        yield Call("s3:ListBucket", f"arn:aws:s3:::{bucket}")
        return
    assert key, f"{request} is about a bucket, and not known here"
    known = set(query) <= {"x-id"} or {"uploadId", "uploads", "partNumber"} & set(query)
    assert known, f"{request} is not known here"
    yield Call({**_READS, "PUT": "s3:PutObject", "POST": "s3:PutObject"}[request.method], thing)
    if "if-match" in request.headers:
        yield Call("s3:GetObject", thing)
    if request.method in _READS and request.status == 404:
        # to who may not list, S3 says 403 of a key that is not there
        yield Call("s3:ListBucket", f"arn:aws:s3:::{bucket}")


_READS = {"GET": "s3:GetObject", "HEAD": "s3:GetObject"}


def _of_sqs(operation: str, body: dict[str, Any]) -> Iterator[Call]:
    name = body["QueueName"] if "QueueName" in body else body["QueueUrl"].rsplit("/", 1)[-1]
    yield Call(f"sqs:{operation.removesuffix('Batch')}", _arn("sqs", name))


def _of_dynamodb(operation: str, body: dict[str, Any]) -> Iterator[Call]:
    if operation != "TransactWriteItems":
        index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
        yield Call(f"dynamodb:{operation}", _arn("dynamodb", f"table/{body['TableName']}{index}"))
        return
    actions = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}
    for item in body["TransactItems"]:
        for kind, part in item.items():
            yield Call(f"dynamodb:{actions[kind]}", _arn("dynamodb", f"table/{part['TableName']}"))


def _of_glue(operation: str, body: dict[str, Any]) -> Iterator[Call]:
    database = body["DatabaseName"] if "DatabaseName" in body else body["DatabaseInput"]["Name"]
    resources = ["catalog", f"database/{database}"]
    if operation != "CreateDatabase":
        table = body.get("TableName") or body.get("Name") or body["TableInput"]["Name"]
        resources.append(f"table/{database}/{table}")
    for resource in resources:
        yield Call(f"glue:{operation}", _arn("glue", resource))


def _of_ssm(operation: str, body: dict[str, Any]) -> Iterator[Call]:
    yield Call(f"ssm:{operation}", _arn("ssm", f"parameter/{body['Name'].lstrip('/')}"))


def _of_cloudwatch(operation: str, body: dict[str, Any]) -> Iterator[Call]:
    yield Call(f"cloudwatch:{operation}", "*", (("cloudwatch:namespace", body["Namespace"]),))


def _of_events(operation: str, body: dict[str, Any]) -> Iterator[Call]:
    for entry in body["Entries"]:
        bus = _arn("events", f"event-bus/{entry.get('EventBusName', 'default')}")
        yield Call(f"events:{operation}", bus, (("events:source", entry["Source"]),))


def _of_firehose(operation: str, body: dict[str, Any]) -> Iterator[Call]:
    yield Call(f"firehose:{operation}", _arn("firehose", f"deliverystream/{body['DeliveryStreamName']}"))


def _of_athena(operation: str, _: dict[str, Any]) -> Iterator[Call]:
    # what is about a query is about its work group, and all are asked in the deployment's own
    yield Call(f"athena:{operation}", _arn("athena", f"workgroup/tapeline-{ENVIRONMENT}"))


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


_SERVICES = {
    "AmazonSQS": _of_sqs,
    "AmazonAthena": _of_athena,
    "AWSEvents": _of_events,
    "Firehose_20150804": _of_firehose,
    "DynamoDB_20120810": _of_dynamodb,
    "AWSGlue": _of_glue,
    "AmazonSSM": _of_ssm,
    "GraniteServiceVersion20100801": _of_cloudwatch,
}
