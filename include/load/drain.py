"""Empties one domain's queue: receive, validate, load, and only then delete (design, rules 1 and 2).

A loader may be killed at any point. Before the rows are visible: the messages come back when their
visibility ends, and loading again changes nothing. Before they are deleted: they come back and are found
loaded. Between a letter and its message's end: there is a second letter, the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from include.clients.queues import BATCH, Message, Queue
from include.clients.warehouse import Warehouse
from include.clients.warehouse.load import LoadResult
from include.core.clock import utc_now
from include.core.domains import Domain
from include.core.errors import InvalidMessage, TransientError, WarehouseUnavailable
from include.core.queues import load_queues
from include.core.settings import Settings
from include.load.batches import Batches
from include.load.config import LoadRequest
from include.load.dead_letters import write_letter
from include.load.files import Found, drop_loaded, locate_files
from include.load.heartbeat import Heartbeat
from include.load.messages import Announced, read_message
from include.load.metrics import Counts, LoadMetrics
from include.load.outage import Patience, ServiceAway, warehouse_answers
from include.load.policy import Failure

log = logging.getLogger(__name__)
WAVE_MESSAGES = 200
WAVE_BYTES = 4 << 20
"""A wave ends with the message that goes over one of these: what one loader holds at a time."""


def load_domain(
    domain: Domain,
    *,
    aws: Aws,
    settings: Settings,
    open_warehouse: Callable[[], Warehouse],
    request: LoadRequest,
) -> Counts:
    """Empty the queue of a deployment's domain and publish the run's metrics; raises as `drain` does."""
    pair = load_queues(settings.environment, domain.name)
    sqs = aws.client("sqs")
    return drain(
        queue=Queue(sqs, str(pair.queue)),
        dlq=Queue(sqs, pair.dlq),
        store=aws.object_store(settings.curated_bucket),
        open_warehouse=open_warehouse,
        domain=domain,
        request=request,
        metrics=LoadMetrics(aws.client("cloudwatch"), settings.environment, domain.name),
    )


def drain(
    *,
    queue: Queue,
    dlq: Queue,
    store: ObjectStore,
    open_warehouse: Callable[[], Warehouse],
    domain: Domain,
    request: LoadRequest,
    metrics: LoadMetrics | None = None,
    wave_messages: int = WAVE_MESSAGES,
    sleep: Callable[[float], None] = time.sleep,
) -> Counts:
    """Load what the queue's messages announce until it is empty; return what was done.

    Raises `ServiceAway` where the warehouse or the object store stays away for `request.outage_seconds`: the
    messages are back in the queue then. Other errors leave them hidden until their visibility ends.
    """
    counts = Counts()
    patience = Patience(request.outage_seconds, sleep)
    try:
        warehouse = _opened(open_warehouse, queue, patience)
        if warehouse is None:
            return counts
        with warehouse, Heartbeat(queue, request.visibility_seconds) as heartbeat:
            run = _Run(queue, dlq, store, warehouse, domain, request, heartbeat, patience, counts, metrics)
            try:
                run.until_empty(wave_messages)
            except ServiceAway:
                heartbeat.stop()
                queue.hide(heartbeat.held, 0)
                raise
    finally:
        if metrics:
            metrics.publish_run(counts, queue, dlq)
    return counts


def _opened(open_warehouse: Callable[[], Warehouse], queue: Queue, patience: Patience) -> Warehouse | None:
    """Return the warehouse, open; None where it is away and nothing waits for it.

    No message is received before: each reception counts towards the queue's redrive limit.
    """
    opened: list[Warehouse] = []

    def answers() -> bool:
        try:
            opened[:] = opened or [open_warehouse()]
        except TransientError as error:
            log.warning("%s", error)
            return False
        return warehouse_answers(opened[0])

    if not answers():
        if not queue.depth().total:
            return None
        patience.was_outage(answers, WarehouseUnavailable("the warehouse does not answer"))
    return opened[0]


@dataclass
class _Run:
    queue: Queue
    dlq: Queue
    store: ObjectStore
    warehouse: Warehouse
    domain: Domain
    request: LoadRequest
    heartbeat: Heartbeat
    patience: Patience
    counts: Counts
    metrics: LoadMetrics | None
    _received: int = 0
    _ends: float = field(init=False)

    def __post_init__(self) -> None:
        self._ends = time.monotonic() + 60 * self.request.max_minutes

    def until_empty(self, wave_messages: int) -> None:
        while time.monotonic() < self._ends and (wave := self._receive(wave_messages)):
            self._handle(wave)
            if self.metrics:
                self.metrics.publish_due()
            self.patience.was_outage(
                lambda: warehouse_answers(self.warehouse),
                WarehouseUnavailable("the warehouse does not answer"),
            )

    def _receive(self, limit: int) -> list[Message]:
        """Return a wave of messages; the first reception waits for stragglers."""
        if self.request.max_messages:
            limit = min(limit, self.request.max_messages - self._received)
        wave: list[Message] = []
        size = 0
        while len(wave) < limit and size < WAVE_BYTES:
            found = self.queue.receive(
                min(BATCH, limit - len(wave)),
                visibility_seconds=self.request.visibility_seconds,
                wait_seconds=0 if wave else self.request.linger_seconds,
            )
            if not found:
                break
            self.heartbeat.hold(found)
            wave += found
            size += sum(len(message.body) for message in found)
        self._received += len(wave)
        return wave

    def _handle(self, wave: Sequence[Message]) -> None:
        announced = self._validated(wave)
        files, nowhere = locate_files(self.store, announced, self.patience)
        for message, failure in nowhere:
            self._give_up(message, failure)
        pending, loaded = self._drop_loaded(files)
        self.counts.skipped += self._finish(message for file in loaded for message in file.messages)
        batch_size = self.request.batch_size or self.domain.batch_size
        batches = Batches(self.warehouse, self.store, batch_size, self.patience, self._on_loaded)
        for file, failure in batches.load(pending).items():
            for message in file.messages:
                self._give_up(message, failure)

    def _validated(self, wave: Iterable[Message]) -> list[Announced]:
        announced = []
        for message in wave:
            try:
                announced.append(read_message(message, domain=self.domain.name, bucket=self.store.bucket))
            except InvalidMessage as error:  # noqa: PERF203 - one a message
                self._give_up(message, Failure(error, 1))
        return announced

    def _drop_loaded(self, files: Sequence[Found]) -> tuple[list[Found], list[Found]]:
        while True:
            try:
                return drop_loaded(self.warehouse, files)
            except TransientError as error:  # noqa: PERF203 - one an outage
                if not self.patience.was_outage(lambda: warehouse_answers(self.warehouse), error):
                    return list(files), []  # the loader looks again, file by file

    def _on_loaded(self, files: Sequence[Found], result: LoadResult) -> None:
        messages = [message for file in files for message in file.messages]
        visible = utc_now()
        self._finish(messages)
        self.counts.loaded += result.loaded
        self.counts.rows += result.rows
        self.counts.skipped += len(messages) - result.loaded
        if self.metrics and result.loaded:
            self.metrics.add_latencies([message.sent_at for message in messages], visible)

    def _finish(self, messages: Iterable[Message]) -> int:
        done = list(messages)
        self.queue.delete(done)
        self.heartbeat.release(done)
        return len(done)

    def _give_up(self, message: Message, failure: Failure) -> None:
        if self.heartbeat.is_lost(message):
            log.warning("the message %s was delivered again, so its letter is the other loader's", message.id)
            return
        write_letter(self.queue, self.dlq, message, failure, now=utc_now())
        self.heartbeat.release([message])
        self.counts.letters += 1
