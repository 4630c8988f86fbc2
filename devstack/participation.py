"""A simulated contest on the real participation service: its API and workers as processes of their own."""

from __future__ import annotations

import re
import secrets
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from devstack.participation_asking import AUDIENCE, ISSUER, Asking, Wanted
from devstack.participation_faults import (
    SHARE,
    Breakable,
    Faults,
    SimulationFailed,
    breakable_events,
)
from devstack.participation_letters import make_letters, send_back
from devstack.participation_parts import Parts, variables_of
from devstack.participation_states import await_empty, await_final
from devstack.ports import free_port
from include.clients.aws import Aws
from include.clients.queues import Queue
from include.core.queues import participation_queues
from include.participation.capacity import Capacity
from include.participation.models import EVENT_ID
from include.participation.table import Table

WORKERS, PARALLELISM, VISIBILITY_SECONDS = 2, 2, 10
BREAK_AT, HEALED_AT = 0.30, 0.32 + SHARE / 100
"""Of the requests: EventBridge breaks after the first share, and must have healed before more than the second
are asked for. Workers are killed after that, so that none dies between a warning and the acknowledgement."""
HEAL_SECONDS = 300
Tell = Callable[[str], None]
"""Called with what happens, and how far it is."""


@dataclass
class Contest:
    """What a simulation found."""

    requests: int = 0
    duplicates: int = 0
    crashes: int = 0
    redriven: int = 0
    """Dead letters that were sent back."""
    warnings: int = 0
    """Of workers: each is an event that was not published."""
    unpublished: set[str] = field(default_factory=set)
    """Ids of the requests that the warnings name."""
    unacknowledged: int = 0
    """Messages that are left in the queue and among the dead letters."""
    final: dict[str, str] = field(default_factory=dict)
    """Final state by request id."""
    states: dict[str, Counter[str]] = field(default_factory=dict)
    """Final states by event."""
    remaining: dict[str, int] = field(default_factory=dict)
    """Places that are left, by event."""
    post_seconds: list[float] = field(default_factory=list)
    process_seconds: float = 0

    def lines(self) -> list[str]:
        """Return the findings as text."""
        times = sorted(self.post_seconds)
        p50, p99 = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
        rate = self.requests / self.process_seconds
        events = [
            f"{event}: {dict(sorted(states.items()))}, {self.remaining[event]} places left"
            for event, states in self.states.items()
        ]
        return [
            f"{self.requests} requests, {self.duplicates} asked twice, {self.crashes} workers killed",
            f"{self.redriven} dead letters sent back, {self.unacknowledged} messages left in the queues",
            f"{self.warnings} warnings of workers: events of {len(self.unpublished)} requests were not published",
            f"POST p50 {p50:.0f} ms, p99 {p99:.0f} ms; {rate:.0f} requests/s from the first POST to the last state",
            *events,
        ]


def simulate(
    aws: Aws,
    *,
    environment: str,
    requests_table: str,
    users: int,
    events: int,
    capacity: int,
    faults: Faults | None = None,
    event_bus: str = "default",
    tell: Tell = lambda _: None,
) -> Contest:
    """Let every user ask for a place of every event; return what became of it, once all of it is final."""
    places, run = Capacity(Table(aws, requests_table)), uuid.uuid4().hex[:8]
    names = [f"contest-{run}-{number}" for number in range(events)]
    for name in names:
        places.open(name, capacity)
    wanted = [(f"user-{user}", name) for user in range(users) for name in names]
    key, port = secrets.token_urlsafe(48), free_port()
    told = variables_of(aws, environment, requests_table) | _told(key, port, event_bus)
    with ExitStack() as ending:
        breakable = None
        if faults and faults.events_broken:
            breakable, told["AWS_ENDPOINT_URL_EVENTBRIDGE"] = ending.enter_context(
                breakable_events(str(aws.endpoint_url))
            )
        logs = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="tapeline-contest-")))
        parts = ending.enter_context(Parts(told, logs))
        simulation = _Simulation(aws, environment, requests_table, faults or Faults(), parts, breakable, tell)
        contest = simulation.run(wanted, port, key)
    for name in names:
        found = places.find(name)
        contest.remaining[name] = found.remaining if found else 0
    return contest


def _told(key: str, port: int, event_bus: str) -> dict[str, str]:
    """Return what the parts are told of this contest."""
    return {
        "PARTICIPATION_JWT_KEY": key, "PARTICIPATION_JWT_ALGORITHM": "HS256", "PARTICIPATION_JWT_ISSUER": ISSUER,
        "PARTICIPATION_JWT_AUDIENCE": AUDIENCE, "PARTICIPATION_PORT": str(port),
        "PARTICIPATION_PARALLELISM": str(PARALLELISM), "PARTICIPATION_WAIT_SECONDS": "1",
        "PARTICIPATION_VISIBILITY_SECONDS": str(VISIBILITY_SECONDS), "PARTICIPATION_EVENT_BUS": event_bus,
        # a busy machine is no broken EventBridge: a late answer would be a warning of an event that is there
        "PARTICIPATION_PUBLISH_SECONDS": "60",
    }  # fmt: skip


def open_event(aws: Aws, requests_table: str, event_id: str, capacity: int) -> None:
    """Open an event; raise `SimulationFailed` where it is open already, or has no such name."""
    if not re.fullmatch(EVENT_ID, event_id):
        raise SimulationFailed(f"{event_id!r} is no id of an event.")
    if not Capacity(Table(aws, requests_table)).open(event_id, capacity):
        raise SimulationFailed(f"The event {event_id} is open already; nothing was changed.")


@dataclass(frozen=True)
class _Simulation:
    """One contest under way."""

    aws: Aws
    environment: str
    table: str
    faults: Faults
    parts: Parts
    breakable: Breakable | None
    tell: Tell
    contest: Contest = field(default_factory=Contest)

    def run(self, wanted: Sequence[Wanted], port: int, key: str) -> Contest:
        """Start the parts, ask, break what is to be broken, wait; return what was found."""
        contest, pair = self.contest, participation_queues(self.environment)
        queue, dlq = (Queue(self.aws.client("sqs"), str(name)) for name in (pair.queue, pair.dlq))
        self.tell("The API starts")
        self.parts.start_ingest(port)
        asking, begun = Asking(port, key, twice_every=self.faults.duplicates), time.monotonic()
        dead = asking.ask_all(wanted[: self.faults.redrive])
        if dead:
            self.tell(f"{len(dead)} messages are taken and not handled, until they are dead letters")
            make_letters(queue, dlq, len(dead))
        self.tell("Workers start")
        for _ in range(WORKERS):
            self.parts.start_worker()
        self._plan(asking, len(wanted))
        alive = asking.ask_all(wanted[self.faults.redrive :])
        events = dead | alive
        await_ = partial(await_final, self.aws, self.table, queue)
        contest.final = await_(alive, lambda left: self._progress(asking, left))
        if dead:
            self.tell("Dead letters are sent back")
            contest.redriven = send_back(self.aws, self.environment)
            contest.final |= await_(dead, lambda left: self._progress(asking, left))
        contest.process_seconds = time.monotonic() - begun
        contest.unacknowledged = await_empty(queue) + dlq.depth().total
        self.parts.end()  # a worker publishes what it has before it ends
        self._sum_up(asking, events)
        return contest

    def _plan(self, asking: Asking, total: int) -> None:
        """Say after how many requests what breaks."""
        if self.breakable:
            asking.plan(int(total * BREAK_AT), partial(self._break, total))
            asking.plan(int(total * HEALED_AT), self._await_healed)
        crashes = self.faults.worker_crashes
        for number in range(crashes):
            asking.plan(int(total * (0.6 + 0.4 * (number + 0.5) / crashes)), self._crash)
        for number in range(1, 100) if total >= 1000 else ():
            asking.plan(total * number // 100, lambda: self._progress(asking, None))

    def _progress(self, asking: Asking, left: int | None) -> None:
        waiting = "" if left is None else f", {left:,} messages wait"
        self.tell(f"{asking.done:,} requests{waiting}")

    def _break(self, total: int) -> None:
        assert self.breakable  # noqa: S101 - planned only then
        self.tell("EventBridge is broken")
        self.breakable.break_until_lost(max(1, total * self.faults.events_broken // 100))

    def _await_healed(self) -> None:
        assert self.breakable  # noqa: S101 - planned only then
        if not self.breakable.healed.wait(HEAL_SECONDS):
            raise SimulationFailed(f"The events that were to be lost were not published in {HEAL_SECONDS} s.")
        self.tell("EventBridge is well again")

    def _crash(self) -> None:
        self.tell("A worker is killed")
        self.parts.kill_worker()
        self.contest.crashes += 1

    def _sum_up(self, asking: Asking, events: dict[str, str]) -> None:
        contest, warned = self.contest, self.parts.warnings()
        contest.requests, contest.duplicates = len(events), asking.twice
        contest.post_seconds = asking.seconds
        contest.warnings, contest.unpublished = len(warned), set(warned)
        for name, event in events.items():
            contest.states.setdefault(event, Counter())[contest.final[name]] += 1
