"""One DynamoDB item that all workers of all runs share, read and changed atomically."""

from __future__ import annotations

from typing import Any

from include.clients.aws import aws_error, error_code

Item = dict[str, Any]
CONDITION_FAILED = "ConditionalCheckFailedException"


class SharedItem:
    """An item of a table whose partition key is the string `id`; safe to share between threads."""

    def __init__(self, table: Any, item_id: str) -> None:
        """`table`: a boto3 DynamoDB Table. Its client is used, for a resource is not thread-safe."""
        self._client = table.meta.client
        self._place = {"TableName": table.name, "Key": {"id": item_id}}
        self._name = f"{item_id} in the table {table.name}"

    def read(self) -> Item:
        """Return the item as last written by anybody, empty if there is none."""
        return self._call("read", ConsistentRead=True).get("Item", {})

    def change(self, update: str, condition: str, values: Item) -> Item | None:
        """Apply an update expression if the condition holds; return the item before it, or None if not.

        A new item is `{}` before its first change.
        """
        found = self._call(
            "change",
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_OLD",
        )
        return None if found is None else found.get("Attributes", {})

    def _call(self, verb: str, **arguments: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        send = self._client.get_item if verb == "read" else self._client.update_item
        try:
            return send(**self._place, **arguments)
        except (BotoCoreError, ClientError) as error:
            if error_code(error) == CONDITION_FAILED:
                return None
            raise aws_error(error, f"Cannot {verb} {self._name}") from error
