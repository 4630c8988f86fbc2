"""The background task of the local AWS that publishes metrics and evaluates the alarms."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from devstack.aws import metrics
from devstack.aws.alarms import store
from devstack.aws.alarms.evaluation import Alarm, evaluate
from devstack.aws.metrics_events import FailedInvocations

log = logging.getLogger("devstack.aws")
INTERVAL = 2.0
"""Seconds between two rounds; AWS takes a minute."""
_FORGET_EVERY = 60.0


class Evaluator:
    """Brings every alarm to the state that its metric asks for, until cancelled."""

    def __init__(self, note_change: Callable[[], None], interval: float = INTERVAL) -> None:
        self._note_change = note_change
        self._interval = interval
        self._forgotten_at = 0.0
        self._said: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Work until cancelled. What fails is one warning; the local AWS answers on."""
        self._attempt("switching off MiniStack's alarms", store.switch_off_own_evaluation)
        self._attempt("listening to EventBridge", FailedInvocations().attach)
        while True:
            self._attempt("publishing queue metrics", self._publish)
            self._attempt("evaluating alarms", self._evaluate)
            await asyncio.sleep(self._interval)

    def _publish(self) -> None:
        now = time.time()
        metrics.publish_queue_metrics(now)
        if now - self._forgotten_at >= _FORGET_EVERY:
            self._forgotten_at = now
            metrics.forget_old_points(now)

    def _evaluate(self) -> None:
        for alarm in store.alarms():
            self._attempt(f"evaluating the alarm {alarm.record['AlarmName']}", partial(self._bring, alarm))

    def _bring(self, alarm: store.StoredAlarm) -> None:
        now = time.time()
        wanted = Alarm.of(alarm.record)
        verdict = evaluate(wanted, store.points(alarm, now - wanted.seconds), now)
        if verdict.state != wanted.state:
            store.change_state(alarm, verdict, now)
            self._note_change()

    def _attempt(self, doing: str, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            kind = type(error).__name__
            if (doing, kind) not in self._said:
                self._said.add((doing, kind))
                log.warning("%s failed (%s: %s); it is tried again, and said only once", doing, kind, error)
