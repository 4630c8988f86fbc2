"""SQS queues by name. Receiving is for who handles a message: it counts towards the queue's redrive limit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.clients.aws import aws_error
from include.core.errors import ServiceUnavailable

BATCH = 10
"""Messages a call of SQS takes or gives at most."""


@dataclass(frozen=True)
class Message:
    """One delivery of a message."""

    id: str
    body: str
    receipt: str = field(repr=False)
    """Names this delivery; a later delivery has another."""
    received: int
    """How often it was delivered, this time included."""
    sent_at: datetime
    """UTC."""
    attributes: dict[str, str] = field(default_factory=dict)
    """String attributes that the sender gave it."""


@dataclass(frozen=True)
class Depth:
    """About how many messages a queue has."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        """All messages that are not handled yet."""
        return self.visible + self.in_flight + self.delayed


class Queue:
    """One queue; its URL is looked up once. Methods raise as `aws_error` says."""

    def __init__(self, client: Any, name: str) -> None:
        self.name = name
        self._client = client
        self._url: str | None = None

    @property
    def url(self) -> str:
        """The queue's URL."""
        if self._url is None:
            self._url = self._call("get_queue_url", QueueName=self.name)["QueueUrl"]
        return self._url

    def send(self, body: dict[str, Any] | str, attributes: Mapping[str, str] | None = None) -> str:
        """Send one message, a dict as JSON; return its id."""
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        extra = {"MessageAttributes": _typed(attributes)} if attributes else {}
        answer = self._call("send_message", QueueUrl=self.url, MessageBody=text, **extra)
        return str(answer["MessageId"])

    def receive(self, limit: int, *, visibility_seconds: int, wait_seconds: int = 0) -> list[Message]:
        """Return up to `limit` messages, hidden from others for `visibility_seconds`.

        Waits up to `wait_seconds` for the first one. Empty: the queue had none, or SQS gave none this time.
        """
        answer = self._call(
            "receive_message",
            QueueUrl=self.url,
            MaxNumberOfMessages=min(limit, BATCH),
            VisibilityTimeout=visibility_seconds,
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        return [_message(found) for found in answer.get("Messages", [])]

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages; one that is gone already is fine."""
        for batch in _batches(messages):
            entries = [{"Id": str(i), "ReceiptHandle": one.receipt} for i, one in enumerate(batch)]
            _all_done(self._call("delete_message_batch", QueueUrl=self.url, Entries=entries), self.name)

    def hide(self, messages: Sequence[Message], seconds: int) -> list[str]:
        """Hide messages for `seconds` from now (0: give them back); return the ids of those it failed for.

        It fails for a message that was deleted, or delivered to somebody else meanwhile.
        """
        failed: list[str] = []
        for batch in _batches(messages):
            entries = [
                {"Id": str(i), "ReceiptHandle": one.receipt, "VisibilityTimeout": seconds}
                for i, one in enumerate(batch)
            ]
            answer = self._call("change_message_visibility_batch", QueueUrl=self.url, Entries=entries)
            failed += [batch[int(one["Id"])].id for one in answer.get("Failed", [])]
        return failed

    def depth(self) -> Depth:
        """Return how many messages the queue has, without receiving one."""
        names = {
            "visible": "ApproximateNumberOfMessages",
            "in_flight": "ApproximateNumberOfMessagesNotVisible",
            "delayed": "ApproximateNumberOfMessagesDelayed",
        }
        answer = self._call("get_queue_attributes", QueueUrl=self.url, AttributeNames=[*names.values()])
        return Depth(**{field: int(answer["Attributes"].get(name, 0)) for field, name in names.items()})

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise aws_error(error, f"{operation} of the queue {self.name}") from error
        return answer


def _typed(attributes: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()}


def _message(found: dict[str, Any]) -> Message:
    system = found.get("Attributes", {})
    sent = datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, timezone.utc)
    return Message(
        id=found["MessageId"],
        body=found["Body"],
        receipt=found["ReceiptHandle"],
        received=int(system.get("ApproximateReceiveCount", 1)),
        sent_at=sent,
        attributes={
            name: value["StringValue"]
            for name, value in found.get("MessageAttributes", {}).items()
            if "StringValue" in value
        },
    )


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for first in range(0, len(messages), BATCH):
        yield messages[first : first + BATCH]


def _all_done(answer: dict[str, Any], name: str) -> None:
    # a receipt that is no longer valid: the message was deleted, or was delivered again to somebody else
    ours = [one for one in answer.get("Failed", []) if not one.get("SenderFault")]
    if ours:
        raise ServiceUnavailable(
            f"{len(ours)} messages of the queue {name} were not deleted ({ours[0].get('Message', ours[0]['Code'])}); "
            "they are delivered again, which does no harm."
        )
