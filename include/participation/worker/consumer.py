"""Threads that receive, process, publish and acknowledge, until they are told to stop."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from include.clients.metrics import Metrics
from include.clients.queues import BATCH, Message, Queue
from include.core.errors import CallRefused, CredentialsMissing, TapelineError, TransientError
from include.participation.events import Events
from include.participation.models import Request
from include.participation.worker.process import Done, Dropped, Handled, Later, Processor

log = logging.getLogger(__name__)
FIRST_BACK_OFF, LONGEST_BACK_OFF = 15, 900
"""Seconds that a message is hidden which failed for the first time, and at most; doubled each time."""
LONGEST_PAUSE = 30
NOT_THE_MESSAGE = (TransientError, CallRefused, CredentialsMissing)
"""What another message would meet too: a service, or our rights there."""
UNREADABLE = "UnreadableMessages"


@dataclass(frozen=True)
class Consumer:
    """One worker: `parallelism` threads on one queue."""

    queue: Queue
    processor: Processor
    events: Events
    metrics: Metrics
    environment: str
    parallelism: int = 8
    wait_seconds: int = 5
    visibility_seconds: int = 60
    stop: threading.Event = field(default_factory=threading.Event)
    """Set: what is held is finished, nothing more is taken."""

    def run(self) -> None:
        """Work until `stop` is set; return when nothing is held any more."""
        threads = [
            threading.Thread(target=self._work, name=f"worker-{number}") for number in range(self.parallelism)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def handle(self, messages: Sequence[Message]) -> bool:
        """Process, publish, and delete what is done; return False where a service did not answer.

        The order is what makes a killed worker harmless: final state, event, acknowledgement.
        """
        finished: list[Request] = []
        handled: list[Message] = []
        healthy = True
        for position, message in enumerate(messages):
            try:
                answer = self._handle_one(message)
            except NOT_THE_MESSAGE as error:
                log.warning("%s; the message %s is tried again later", error, message.id)
                rest = messages[position + 1 :]
                self.queue.hide([message], back_off(message.received))
                self.queue.hide(rest, FIRST_BACK_OFF)
                healthy = False
                break
            if isinstance(answer, Later):
                self.queue.hide([message], answer.seconds)
                continue
            handled.append(message)
            if isinstance(answer, Done):
                finished.append(answer.request)
        self.events.publish(finished)
        self.queue.delete(handled)
        return healthy

    def _handle_one(self, message: Message) -> Handled:
        try:
            return self.processor.process(message)
        except NOT_THE_MESSAGE:
            raise
        except Exception as error:
            log.exception("The message %s cannot be processed (delivery %s)", message.id, message.received)
            if not self.processor.from_dlq:
                # SQS moves it to the dead letters after the last delivery
                return Later(back_off(message.received))
            answer = self.processor.fail(message, error)
            if isinstance(answer, Dropped):
                self._count_dropped(message, answer.reason)
            return answer

    def _work(self) -> None:
        """Receive and handle until told to stop; after a failure wait until the services answer."""
        pause = 0.0
        while not self.stop.wait(pause):
            pause = self._turn(pause)

    def _turn(self, paused: float) -> float:
        """Receive and handle once; return for how long to pause then."""
        try:
            if paused:
                self.processor.requests.get("req-of-nobody")  # a reception counts, a look does not
            messages = self.queue.receive(
                BATCH, visibility_seconds=self.visibility_seconds, wait_seconds=self.wait_seconds
            )
            if self.stop.is_set():
                self.queue.hide(messages, 0)
                return 0.0
            return 0.0 if self.handle(messages) else 1.0
        except TapelineError as error:
            pause = min(max(2 * paused, 1.0), LONGEST_PAUSE)
            log.warning("%s; asked again in %.0f s", error, pause)
        except Exception:
            pause = min(max(2 * paused, 1.0), LONGEST_PAUSE)
            log.exception("A worker's thread failed; what it held is delivered again")
        return pause

    def _count_dropped(self, message: Message, reason: str) -> None:
        log.error("The dead letter %s is dropped: %s", message.id, reason)
        self.metrics.add(UNREADABLE, 1, Environment=self.environment)
        self.metrics.flush()


def back_off(received: int) -> int:
    """Return for how many seconds a message is hidden after its n-th delivery failed, some of it by chance."""
    longest = min(FIRST_BACK_OFF * 2 ** max(received - 1, 0), LONGEST_BACK_OFF)
    return random.randint(longest // 2, longest)  # noqa: S311 - no secret
