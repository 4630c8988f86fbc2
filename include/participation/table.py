"""The one table of the service: keys of its items, and calls that say whether a condition held.

| item | PK | SK | GSI1PK, GSI1SK |
| --- | --- | --- | --- |
| request | REQUEST#<requestId> | REQUEST | USER#<userId>, <queuedAt>#<requestId>; only once it is QUEUED |
| places of an event | EVENT#<eventId> | CAPACITY | none |
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.clients.aws import Aws, aws_error, error_code
from include.clients.shared_item import CONDITION_FAILED
from include.core.errors import ServiceUnavailable, TapelineError

Item = dict[str, Any]
INDEX = "GSI1"
CONFLICTS = 7
"""How often a transaction that met others is tried again at once: some two seconds at most."""


def request_key(request_id: str) -> dict[str, str]:
    """Return the key of a request's item."""
    return {"PK": f"REQUEST#{request_id}", "SK": "REQUEST"}


def capacity_key(event_id: str) -> dict[str, str]:
    """Return the key of the item with an event's places."""
    return {"PK": f"EVENT#{event_id}", "SK": "CAPACITY"}


@dataclass(frozen=True)
class Changed:
    """What became of a conditional write."""

    done: bool
    item: Item
    """The item as it is now; where the condition did not hold, as it was found, empty if there was none."""


class Table:
    """The table; safe to share between threads. Methods raise as `aws_error` says."""

    def __init__(self, aws: Aws, name: str) -> None:
        self.name = name
        # the resource's client speaks Python values; unlike the resource it may be shared
        self._client = aws.table(name).meta.client

    def get(self, key: dict[str, str], *, consistent: bool = True) -> Item | None:
        """Return one item."""
        found: Item | None = self._call("get_item", Key=key, ConsistentRead=consistent).get("Item")
        return found

    def put_new(self, item: Item) -> Changed:
        """Put an item unless one of its key is there."""
        return self._change("put_item", item, Item=item, ConditionExpression="attribute_not_exists(PK)")

    def update(self, key: dict[str, str], change: dict[str, Any]) -> Changed:
        """Apply an update whose condition must hold."""
        return self._change("update_item", None, Key=key, ReturnValues="ALL_NEW", **change)

    def update_all(self, changes: Sequence[tuple[dict[str, str], dict[str, Any]]]) -> list[Item | None]:
        """Apply all updates or none; return for each None, or the item that it was refused for.

        All None: it is done. Where others write the same items just now it is tried some times more, then
        `ServiceUnavailable` is raised.
        """
        items = [
            {
                "Update": {
                    "TableName": self.name, "Key": key, "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    **change,
                }
            }
            for key, change in changes
        ]  # fmt: skip
        for attempt in range(CONFLICTS + 1):
            try:
                self._client.transact_write_items(TransactItems=items)
            except (BotoCoreError, ClientError) as error:  # noqa: PERF203
                if error_code(error) != "TransactionCanceledException":
                    raise _error(error, f"transaction of {self.name}") from error
                if not _met_others(error):
                    return _refusals(error)
                time.sleep(random.uniform(0.005, 0.02 * 2**attempt))  # noqa: S311 - no secret
            else:
                return [None] * len(items)
        raise ServiceUnavailable(f"{self.name}: others write the same items all the time; it is tried again.")

    def query_index(self, partition: str, *, limit: int, after: Item | None) -> list[Item]:
        """Return up to `limit` items of a GSI1 partition, the newest first, those that follow `after`'s key."""
        start = {"ExclusiveStartKey": after} if after else {}
        answer = self._call(
            "query",
            IndexName=INDEX,
            KeyConditionExpression="GSI1PK = :user",
            ExpressionAttributeValues={":user": partition},
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        found: list[Item] = answer["Items"]
        return found

    def _change(self, operation: str, new: Item | None, **arguments: Any) -> Changed:
        arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            answer = getattr(self._client, operation)(TableName=self.name, **arguments)
        except (BotoCoreError, ClientError) as error:
            if error_code(error) == CONDITION_FAILED:
                return Changed(False, _values(getattr(error, "response", {}).get("Item")))
            raise _error(error, f"{operation} of {self.name}") from error
        return Changed(True, new if new is not None else answer.get("Attributes", {}))

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(TableName=self.name, **arguments)
        except (BotoCoreError, ClientError) as error:
            raise aws_error(error, f"{operation} of {self.name}") from error
        return answer


def _error(error: BotoCoreError | ClientError, doing: str) -> TapelineError:
    if error_code(error) in ("TransactionConflictException", "TransactionInProgressException"):
        return ServiceUnavailable(f"{doing}: others write the same item just now; it is tried again.")
    return aws_error(error, doing)


def _reasons(error: Exception) -> list[dict[str, Any]]:
    return list(getattr(error, "response", {}).get("CancellationReasons", []))


def _met_others(error: Exception) -> bool:
    """Return whether a transaction was cancelled for no condition of its own."""
    return not any(reason.get("Code") == "ConditionalCheckFailed" for reason in _reasons(error))


def _refusals(error: Exception) -> list[Item | None]:
    return [
        _values(reason.get("Item")) if reason.get("Code") == "ConditionalCheckFailed" else None
        for reason in _reasons(error)
    ]


def _values(item: Item | None) -> Item:
    """Return an error's item in Python values: botocore leaves errors as they came."""
    from boto3.dynamodb.types import TypeDeserializer

    reader = TypeDeserializer()
    return {
        name: reader.deserialize(value) if isinstance(value, dict) else value
        for name, value in (item or {}).items()
    }
