"""SQS queues by name."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.clients.aws import aws_error


class Queue:
    """One queue; its URL is looked up once."""

    def __init__(self, client: Any, name: str) -> None:
        self.name = name
        self._client = client
        self._url: str | None = None

    def send(self, body: dict[str, Any]) -> str:
        """Send one message as JSON and return its id."""
        try:
            if self._url is None:
                self._url = self._client.get_queue_url(QueueName=self.name)["QueueUrl"]
            answer = self._client.send_message(
                QueueUrl=self._url, MessageBody=json.dumps(body, ensure_ascii=False)
            )
        except (BotoCoreError, ClientError) as error:
            raise aws_error(error, f"sending to the queue {self.name}") from error
        return str(answer["MessageId"])
