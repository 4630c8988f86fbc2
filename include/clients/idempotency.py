"""A ledger of idempotency keys in DynamoDB: one run does the work of a key, a crashed one can be followed.

Seed 000 §5 "중복 실행 방지": a key is claimed by a conditional put. A claim is a lease that its run renews,
so a run that died gives the key up by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from include.clients.aws import aws_error, error_code
from include.core.clock import iso_utc, utc_now

LEASE = timedelta(minutes=15)
KEPT = timedelta(days=90)
Status = Literal["IN_PROGRESS", "COMPLETED", "FAILED"]


@dataclass(frozen=True)
class Claim:
    """The answer to a claim: ours, or whose."""

    ours: bool
    owner: str
    status: Status
    since: str
    """When it was claimed, ISO 8601 UTC."""


class IdempotencyLedger:
    """The table of keys: partition key `id`, TTL attribute `ttl`."""

    def __init__(self, table: Any, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._table = table
        self._clock = clock

    def claim(self, key: str, *, owner: str) -> Claim:
        """Claim `key` for the run `owner`, unless another run completed it or is alive on it.

        The owner itself may claim again (a cleared or retried task), and so may anybody once the
        former run failed or let its lease pass.
        """
        now = self._clock()
        item: dict[str, Any] = {
            "id": key,
            "owner": owner,
            "status": "IN_PROGRESS",
            "claimed_at": iso_utc(now),
            "lease_until": _seconds(now + LEASE),
            "ttl": _seconds(now + KEPT),
        }
        try:
            self._table.put_item(
                Item=item,
                ConditionExpression=(
                    "attribute_not_exists(id) OR #owner = :owner OR #status = :failed "
                    "OR (#status = :running AND lease_until < :now)"
                ),
                ExpressionAttributeNames={"#owner": "owner", "#status": "status"},
                ExpressionAttributeValues={
                    ":owner": owner,
                    ":failed": "FAILED",
                    ":running": "IN_PROGRESS",
                    ":now": _seconds(now),
                },
            )
        except (ClientError, BotoCoreError) as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return self._held_by(key)
            raise aws_error(error, f"claiming the idempotency key {key}") from error
        return Claim(ours=True, owner=owner, status="IN_PROGRESS", since=iso_utc(now))

    def renew(self, key: str, *, owner: str) -> None:
        """Extend the owner's lease; a key that is no longer the owner's is left alone."""
        self._update(key, owner, "SET lease_until = :until", {":until": _seconds(self._clock() + LEASE)})

    def settle(self, key: str, *, owner: str, status: Literal["COMPLETED", "FAILED"]) -> None:
        """End the owner's claim; a FAILED key may be claimed by any run."""
        self._update(key, owner, "SET #status = :status", {":status": status}, {"#status": "status"})

    def _update(
        self, key: str, owner: str, update: str, values: dict[str, Any], names: dict[str, str] | None = None
    ) -> None:
        try:
            self._table.update_item(
                Key={"id": key},
                UpdateExpression=update,
                ConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "owner", **(names or {})},
                ExpressionAttributeValues={":owner": owner, **values},
            )
        except (ClientError, BotoCoreError) as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise aws_error(error, f"updating the idempotency key {key}") from error

    def _held_by(self, key: str) -> Claim:
        found = self._table.get_item(Key={"id": key}, ConsistentRead=True).get("Item")
        if found is None:  # expired between the two calls
            return Claim(ours=False, owner="unknown", status="FAILED", since="unknown")
        return Claim(ours=False, owner=found["owner"], status=found["status"], since=found["claimed_at"])


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())
