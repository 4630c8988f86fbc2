"""PutRecord and PutRecordBatch of streams that are delivered here; MiniStack answers for all others.

MiniStack finds its operations in a dict: the two are replaced there, so that it still reads the request, its
account and its region.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from devstack.aws.firehose import store
from devstack.aws.firehose.delivery import Deliveries
from devstack.aws.firehose.store import StreamKey

Answer = tuple[int, dict[str, str], bytes]
Operation = Callable[[dict[str, Any]], Answer]
RECORD = 1_000 * 1_024
"""Bytes a record may have."""
BATCH, BATCH_SIZE = 500, 4 << 20
"""Records, and bytes, that a batch may have."""


def take_over(deliveries: Deliveries) -> None:
    """Answer PutRecord and PutRecordBatch with `deliveries`."""
    from ministack.services import firehose

    operations: dict[str, Operation] = firehose._HANDLERS
    put_record, put_batch = operations["PutRecord"], operations["PutRecordBatch"]

    def record(data: dict[str, Any]) -> Answer:
        return _put(deliveries, data, [data.get("Record") or {}], _one) or put_record(data)

    def batch(data: dict[str, Any]) -> Answer:
        return _put(deliveries, data, data.get("Records") or [], _many) or put_batch(data)

    operations |= {"PutRecord": record, "PutRecordBatch": batch}


def _put(
    deliveries: Deliveries,
    data: dict[str, Any],
    given: Sequence[dict[str, Any]],
    answer: Callable[[list[str]], dict[str, Any]],
) -> Answer | None:
    """Return the answer; None where it is MiniStack's to give."""
    from ministack.core.responses import error_response_json, json_response

    key = StreamKey.of_request(data.get("DeliveryStreamName", ""))
    to = store.destination(key)
    if to is None:
        return None
    try:
        records = [base64.b64decode(each["Data"], validate=True) for each in given]
    except (KeyError, TypeError, binascii.Error):
        return error_response_json("InvalidArgumentException", "Data must be valid base64.", 400)
    if fault := _fault(records):
        return error_response_json("InvalidArgumentException", fault, 400)
    try:
        deliveries.put(key, to, records)
    except OSError as error:
        return error_response_json("ServiceUnavailableException", f"The spool: {error.strerror}", 503)
    return json_response(answer([uuid.uuid4().hex for _ in records]))


def _fault(records: Sequence[bytes]) -> str | None:
    if not 0 < len(records) <= BATCH:
        return f"Between 1 and {BATCH} records can be put, not {len(records)}."
    if any(len(record) > RECORD for record in records):
        return f"A record may have {RECORD} bytes."
    if sum(map(len, records)) > BATCH_SIZE:
        return f"A batch may have {BATCH_SIZE} bytes."
    return None


def _one(ids: list[str]) -> dict[str, Any]:
    return {"RecordId": ids[0], "Encrypted": False}


def _many(ids: list[str]) -> dict[str, Any]:
    return {"FailedPutCount": 0, "Encrypted": False, "RequestResponses": [{"RecordId": each} for each in ids]}
