"""The batch tracker in DynamoDB: which chunks are done, and who may write the manifests (seed 000 §4).

One item for the batch (`item` = "batch") and one for each chunk ("chunk#0003"). Counting a chunk and
noting it is one transaction, so a chunk that is retried or runs twice counts once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.clients.aws import aws_error, error_code
from include.core.clock import iso_utc, utc_now
from include.core.errors import TransientError

KEPT = timedelta(days=90)
_CONFLICTS = {"TransactionCanceledException", "TransactionConflictException"}


class BatchBusy(TransientError):
    """Another task finalizes the batch right now, or its chunks are not all counted yet."""


@dataclass(frozen=True)
class Batch:
    """The state of a batch."""

    expected_chunks: int
    processed_chunks: int
    failed_chunks: int
    status: str
    """`processing`, `finalizing` or `complete`."""


class BatchTracker:
    """One batch in the table with partition key `batch_id` and sort key `item`."""

    def __init__(self, table: Any, batch_id: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.batch_id = batch_id
        self._table = table
        self._clock = clock

    def open(self, *, batch_ds: date, expected_chunks: int) -> None:
        """Open the batch; opening it again keeps its counts.

        Only the run that has the batch's idempotency key may call this: it takes finalizing from a run that
        died at it.
        """
        now = self._clock()
        item = {
            **self._key("batch"),
            "batch_ds": batch_ds.isoformat(),
            "expected_chunks": expected_chunks,
            "processed_chunks": 0,
            "failed_chunks": 0,
            "done_chunks": 0,
            "status": "processing",
            "started_at": iso_utc(now),
            "ttl": self._ttl(now),
        }
        try:
            self._table.put_item(Item=item, ConditionExpression="attribute_not_exists(batch_id)")
        except (ClientError, BotoCoreError) as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise aws_error(error, f"opening the batch {self.batch_id}") from error
            self._reopen()

    def _reopen(self) -> None:
        try:
            self._table.update_item(
                Key=self._key("batch"),
                UpdateExpression="SET #status = :processing REMOVE finalized_by",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={":processing": "processing"},
            )
        except (ClientError, BotoCoreError) as error:
            raise aws_error(error, f"opening the batch {self.batch_id} again") from error

    def exists(self) -> bool:
        """Return whether a run of ours opened the batch, in the last 90 days."""
        return bool(self._get("batch"))

    def read(self) -> Batch:
        """Return the batch as it stands."""
        item = self._get("batch")
        return Batch(
            expected_chunks=int(item["expected_chunks"]),
            processed_chunks=int(item["processed_chunks"]),
            failed_chunks=int(item["failed_chunks"]),
            status=str(item["status"]),
        )

    def record_chunk(self, index: int, *, receipt_key: str, failed: bool) -> None:
        """Count a chunk once; a chunk that failed before and now did not moves over.

        A chunk that was counted keeps its better outcome: `failed` never replaces `processed`.
        """
        state = "failed" if failed else "processed"
        before = self._get(f"chunk#{index:04d}").get("state")
        if before in (state, "processed"):
            return
        if before is None:
            condition = "attribute_not_exists(batch_id)"
            counts = f"ADD {state}_chunks :one, done_chunks :one"
            values: dict[str, Any] = {":one": 1}
        else:
            condition = "#state = :failed"
            counts = "ADD processed_chunks :one, failed_chunks :minus"
            values = {":one": 1, ":minus": -1}
        self._transact(index, receipt_key, state, condition, counts, values)

    def _transact(
        self, index: int, receipt_key: str, state: str, condition: str, counts: str, values: dict[str, Any]
    ) -> None:
        put: dict[str, Any] = {
            "TableName": self._table.name,
            "Item": {
                **self._key(f"chunk#{index:04d}"),
                "state": state,
                "receipt_key": receipt_key,
                "ttl": self._ttl(self._clock()),
            },
            "ConditionExpression": condition,
        }
        if "#state" in condition:
            put["ExpressionAttributeNames"] = {"#state": "state"}
            put["ExpressionAttributeValues"] = {":failed": "failed"}
        update = {
            "TableName": self._table.name,
            "Key": self._key("batch"),
            "UpdateExpression": counts,
            "ExpressionAttributeValues": values,
        }
        try:
            self._table.meta.client.transact_write_items(TransactItems=[{"Put": put}, {"Update": update}])
        except (ClientError, BotoCoreError) as error:
            if error_code(error) in _CONFLICTS:
                if self._get(f"chunk#{index:04d}").get("state") in (state, "processed"):
                    return  # a twin of this task was faster
                raise BatchBusy(f"chunk {index} of {self.batch_id} is being counted elsewhere") from error
            raise aws_error(error, f"counting chunk {index} of {self.batch_id}") from error

    def has_counted(self, index: int) -> bool:
        """Return whether a chunk is counted."""
        return bool(self._get(f"chunk#{index:04d}"))

    def chunk_receipts(self) -> dict[int, str]:
        """Return the receipt's key of each chunk that is counted."""
        from boto3.dynamodb.conditions import Key

        query = {
            "KeyConditionExpression": Key("batch_id").eq(self.batch_id) & Key("item").begins_with("chunk#"),
            "ConsistentRead": True,
        }
        found: dict[int, str] = {}
        while True:
            page = self._table.query(**query)
            found |= {int(item["item"].split("#")[1]): item["receipt_key"] for item in page["Items"]}
            if "LastEvaluatedKey" not in page:
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def begin_finalizing(self, *, owner: str) -> None:
        """Take the batch for finalizing; raise `BatchBusy` where another task has it.

        The same owner may take it again: that is how an attempt follows one that was killed between
        here and `complete`. A complete batch may be finalized again: its manifests only change where a
        chunk's outcome did.
        """
        try:
            self._table.update_item(
                Key=self._key("batch"),
                UpdateExpression="SET #status = :finalizing, finalized_by = :owner",
                ConditionExpression=(
                    "done_chunks = expected_chunks AND "
                    "(#status IN (:processing, :complete) OR finalized_by = :owner)"
                ),
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":finalizing": "finalizing",
                    ":processing": "processing",
                    ":complete": "complete",
                    ":owner": owner,
                },
            )
        except (ClientError, BotoCoreError) as error:
            if error_code(error) == "ConditionalCheckFailedException":
                raise BatchBusy(
                    f"The batch {self.batch_id} cannot be finalized by {owner}: {self.read()}"
                ) from error
            raise aws_error(error, f"finalizing the batch {self.batch_id}") from error

    def complete(self) -> None:
        """Say that all manifests are written."""
        try:
            self._table.update_item(
                Key=self._key("batch"),
                UpdateExpression="SET #status = :complete, completed_at = :now",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={":complete": "complete", ":now": iso_utc(self._clock())},
            )
        except (ClientError, BotoCoreError) as error:
            raise aws_error(error, f"completing the batch {self.batch_id}") from error

    def _get(self, item: str) -> dict[str, Any]:
        try:
            return self._table.get_item(Key=self._key(item), ConsistentRead=True).get("Item", {})
        except (ClientError, BotoCoreError) as error:
            raise aws_error(error, f"reading the batch {self.batch_id}") from error

    def _key(self, item: str) -> dict[str, str]:
        return {"batch_id": self.batch_id, "item": item}

    def _ttl(self, now: datetime) -> int:
        return int((now + KEPT).timestamp())
