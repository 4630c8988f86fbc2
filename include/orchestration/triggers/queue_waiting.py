"""Wakes a DAG while messages wait in a queue. It only looks: a message is received by the run alone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from include.orchestration import connections

log = logging.getLogger(__name__)
POLL_SECONDS = 1.0
"""Some 2.6 million requests a month and queue, about a dollar."""
FIRST_AGAIN_SECONDS, LAST_AGAIN_SECONDS = 5.0, 30.0
"""How long messages may go on waiting before the DAG is woken again; doubled each time."""
LAST_TROUBLE_SECONDS = 60.0


@dataclass
class Wakes:
    """When to wake: as soon as something waits, then ever more rarely while something still does."""

    _next: float = 0.0
    _pause: float = FIRST_AGAIN_SECONDS

    def is_due(self, waiting: int, now: float) -> bool:
        """Return whether to wake, for `waiting` messages seen at `now` (seconds of one clock)."""
        if not waiting:
            self._next, self._pause = 0.0, FIRST_AGAIN_SECONDS
            return False
        if now < self._next:
            return False
        self._next = now + self._pause
        self._pause = min(self._pause * 2, LAST_AGAIN_SECONDS)
        return True


class QueueWaitingTrigger(BaseEventTrigger):
    """Fires while a queue has messages to receive; never ends by itself, whatever AWS answers.

    Airflow may merge, delay or repeat events, so an event says nothing but "look": the run drains the queue,
    and a sweep on a schedule finds what no event announced (design, rule 2).

    :param title: of one of the queues of `include.core.queues`.
    """

    def __init__(self, *, title: str, poll_seconds: float = POLL_SECONDS) -> None:
        super().__init__()
        self.title = title
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow makes this trigger again from."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"title": self.title, "poll_seconds": self.poll_seconds},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event each time the DAG should look into the queue."""
        wakes = Wakes()
        trouble = self.poll_seconds
        while True:
            try:
                async for waiting in self._watch():
                    trouble = self.poll_seconds
                    if wakes.is_due(waiting, time.monotonic()):
                        yield TriggerEvent({"queue": self.title, "waiting": waiting})
            except Exception as error:  # noqa: PERF203 - a watcher that ended would be missed by nobody but the data
                log.warning(
                    "the queue %s cannot be watched (%s); again in %.0f s", self.title, error, trouble
                )
                await asyncio.sleep(trouble)
                trouble = min(trouble * 2, LAST_TROUBLE_SECONDS)

    async def _watch(self) -> AsyncIterator[int]:
        """Yield how many messages wait, every `poll_seconds`; raise what AWS or Airflow raises."""
        from airflow.providers.amazon.aws.hooks.sqs import SqsHook
        from asgiref.sync import sync_to_async

        name = await sync_to_async(connections.queue_name)(self.title)
        hook = SqsHook(aws_conn_id=connections.AWS)
        async with await hook.get_async_conn() as client:
            url = (await client.get_queue_url(QueueName=name))["QueueUrl"]
            while True:
                answer = await client.get_queue_attributes(
                    QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
                )
                yield int(answer["Attributes"]["ApproximateNumberOfMessages"])
                await asyncio.sleep(self.poll_seconds)
