"""Delivery streams in MiniStack's memory, and its S3: all names of MiniStack's that delivery relies on are here."""

from __future__ import annotations

import time
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from devstack.aws.firehose.destination import Destination
from devstack.aws.firehose.spool import Buffer

NAMESPACE = "AWS/Firehose"
FRESHNESS = "DeliveryToS3.DataFreshness"


class StreamKey(NamedTuple):
    """A delivery stream among all accounts and regions."""

    account: str
    region: str
    name: str

    @classmethod
    def of_request(cls, name: str) -> StreamKey:
        """Return the key of a stream in the scope of the request that is answered."""
        from ministack.core.responses import get_account_id, get_region

        return cls(get_account_id(), get_region(), name)

    @classmethod
    def of_arn(cls, arn: str) -> StreamKey:
        """Return the key of the stream with this ARN."""
        _, _, _, region, account, resource = arn.split(":", 5)
        return cls(account, region, resource.partition("/")[2])


def is_there(key: StreamKey) -> bool:
    """Return whether there is such a stream."""
    from ministack.services import firehose

    return firehose._streams.get_scoped(*key) is not None


def destination(key: StreamKey) -> Destination | None:
    """Return where the stream delivers to; None where there is none, or it is MiniStack's to deliver."""
    from ministack.services import firehose

    stream = firehose._streams.get_scoped(*key)
    return Destination.of(stream) if stream else None


def object_key(to: Destination, buffer: Buffer) -> str:
    """Return the key of a buffer's object: its prefix is of the time when the first record came."""
    from ministack.services import firehose

    at = datetime.fromtimestamp(buffer.arrival, ZoneInfo(to.time_zone)).timetuple()
    prefix = firehose._evaluate_prefix(to.prefix, at)
    return (
        f"{prefix}{to.stream}-{to.version}-{time.strftime('%Y-%m-%d-%H-%M-%S', at)}-{buffer.id}{to.extension}"
    )


async def put_object(key: StreamKey, bucket: str, name: str, body: bytes) -> None:
    """Write an object on behalf of the stream; raise RuntimeError with what S3 answered else."""
    from ministack.core.responses import request_scope
    from ministack.services import s3

    headers = {
        "content-type": "application/octet-stream",
        "content-length": str(len(body)),
        "host": "s3.localhost",
    }
    with request_scope(key.account, key.region):
        answer = await s3.handle_request("PUT", f"/{bucket}/{name}", headers, body, {}, internal=True)
    if answer[0] >= 400:
        raise RuntimeError(f"S3 answered {answer[0]} for s3://{bucket}/{name}: {answer[2][:300]!r}")


def publish_freshness(key: StreamKey, seconds: float) -> None:
    """Publish the age of the oldest record that is not delivered."""
    from ministack.core.responses import request_scope
    from ministack.services import cloudwatch

    with request_scope(key.account, key.region):
        cloudwatch.record_metric(NAMESPACE, FRESHNESS, seconds, "Seconds", {"DeliveryStreamName": key.name})
