"""Firehose's delivery streams by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.clients.aws import aws_error


@dataclass(frozen=True)
class Stream:
    """One delivery stream. Methods raise as `aws_error` says."""

    client: Any = field(repr=False)
    name: str

    def send(self, record: str, attributes: Mapping[str, str] | None = None) -> str:  # noqa: ARG002
        """Put one record, to which the stream itself adds its delimiter; return its id. Records have no attributes."""
        try:
            answer = self.client.put_record(DeliveryStreamName=self.name, Record={"Data": record.encode()})
        except (BotoCoreError, ClientError) as error:
            raise aws_error(error, f"put_record of {self.name}") from error
        return str(answer["RecordId"])
