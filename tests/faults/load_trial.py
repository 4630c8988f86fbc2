"""Two loaders at a time on full queues, while loaders are killed and the warehouse goes away."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from devstack.services import Service, services
from devstack.stack import ENVIRONMENT, Stack
from include.clients.queues import Queue
from include.core.domains import domains
from include.core.queues import load_queues
from tests.faults.load_run import HOLDS

SCRIPT = Path(__file__).with_name("load_run.py")
REQUEST = {"visibility_seconds": 15, "linger_seconds": 1}
LOADERS = 2
KILLS_A_DOMAIN = 3
"""A message is received once more for each kill of a loader of its domain, so four times at most, and SQS moves
it at the sixth (maxReceiveCount 5). So whatever the moments of the kills, none of them makes a letter. An outage
is shorter than a loader's patience, which holds its messages meanwhile."""
OUTAGE_SECONDS = 20
PATIENCE_SECONDS = 400


@dataclass
class Loader:
    """One run of a domain's load in a process of its own."""

    domain: str
    process: subprocess.Popen[bytes]
    log: Path


@dataclass
class Trial:
    """The queues of a local default, its warehouse, and the loaders."""

    stack: Stack
    folder: Path
    chance: random.Random
    loaders: list[Loader] = field(default_factory=list)
    started: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    outages: list[str] = field(default_factory=list)
    failed: list[Loader] = field(default_factory=list)
    _back: tuple[float, Callable[[], None]] | None = None

    def __post_init__(self) -> None:
        self.environment = os.environ | self.stack.environment()
        sqs = self.stack.aws().client("sqs")
        pairs = {name: load_queues(ENVIRONMENT, name) for name in domains()}
        self.queues = {name: Queue(sqs, str(pair.queue)) for name, pair in pairs.items()}
        events = self.stack.aws().client("events")
        for name in pairs:  # files announce themselves; here only the trial does
            events.disable_rule(Name=f"tapeline-{ENVIRONMENT}-{name}-load")
        self.dlqs = {name: Queue(sqs, pair.dlq) for name, pair in pairs.items()}

    def send(self, domain: str, bodies: list[str]) -> None:
        client, url = self.stack.aws().client("sqs"), self.queues[domain].url
        for first in range(0, len(bodies), 10):
            batch = bodies[first : first + 10]
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(batch)]
            client.send_message_batch(QueueUrl=url, Entries=entries)

    def left(self) -> int:
        """Return how many messages are not handled yet, waiting or in flight."""
        return sum(queue.depth().total for queue in self.queues.values())

    def run(self, faults: list[tuple[int, str]]) -> None:
        """Keep loaders running until the queues are empty; `faults` come once so few messages are left."""
        pending = list(faults)
        deadline = time.monotonic() + PATIENCE_SECONDS
        try:
            while (left := self.left()) or self._back or self.loaders:
                assert time.monotonic() < deadline, self.story(
                    f"{left} messages left, faults to come: {pending}"
                )
                self._tend()
                if pending and left <= pending[0][0] and self._inflict(pending[0][1]):
                    pending.pop(0)
                time.sleep(0.1)
            assert not pending, self.story(f"the queues were empty before {pending}")
        finally:
            self._end()

    def _tend(self) -> None:
        """Replace loaders that ended; give the warehouse back where its time has come."""
        for loader in [one for one in self.loaders if one.process.poll() is not None]:
            self.loaders.remove(loader)
            if loader.process.returncode not in (0, -signal.SIGKILL):
                self.failed.append(loader)
        if self._back and time.monotonic() > self._back[0]:
            self._back[1]()
            self._back = None
        while len(self.loaders) < LOADERS:
            waiting = {name: queue.depth().visible for name, queue in self.queues.items()}
            domain = max(waiting, key=lambda name: waiting[name] / (1 + self._busy(name)))
            if not waiting[domain]:
                return
            self._start(domain)

    def _busy(self, domain: str) -> int:
        return sum(loader.domain == domain for loader in self.loaders)

    def _start(self, domain: str) -> None:
        self.started += 1
        log = self.folder / f"loader-{self.started:02d}-{domain}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, str(SCRIPT), domain, json.dumps(REQUEST)],
                env=self.environment, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.loaders.append(Loader(domain, process, log))

    def _inflict(self, fault: str) -> bool:
        """Do the fault where it can be done now; return whether it was."""
        if fault == "kill a loader":
            return self._kill_a_loader()
        if self._back:
            return False
        service = next(one for one in services(self.stack.home) if one.name == "warehouse")
        pid = self.stack.home.records()["warehouse"].pid
        if fault == "kill the warehouse":
            os.kill(pid, signal.SIGKILL)
            self._away(fault, lambda: self._start_again(service))
        else:
            os.kill(pid, signal.SIGSTOP)
            self._away(fault, lambda: os.kill(pid, signal.SIGCONT))
        return True

    def _away(self, fault: str, give_back: Callable[[], None]) -> None:
        self.outages.append(fault)
        self._back = (time.monotonic() + OUTAGE_SECONDS, give_back)

    def _start_again(self, service: Service) -> None:
        with self.stack.home.lock():
            self.stack.supervisor.begin(service)
            self.stack.supervisor.await_answer(service)

    def _kill_a_loader(self) -> bool:
        """Kill a loader that holds messages, of a domain that had few kills."""
        able = [
            one
            for one in self.loaders
            if self.kills[one.domain] < KILLS_A_DOMAIN
            and one.process.poll() is None
            and HOLDS in one.log.read_text()
            and self.queues[one.domain].depth().in_flight
        ]
        if not able:
            return False
        victim = min(able, key=lambda one: (self.kills[one.domain], self.chance.random()))
        time.sleep(self.chance.random())
        if victim.process.poll() is not None:
            return False
        victim.process.kill()
        victim.process.wait()
        self.kills[victim.domain] += 1
        return True

    def _end(self) -> None:
        for loader in self.loaders:
            if loader.process.poll() is None:
                loader.process.terminate()
        ends = time.monotonic() + 30
        while any(one.process.poll() is None for one in self.loaders):
            if time.monotonic() > ends:
                for one in self.loaders:
                    one.process.kill()
            time.sleep(0.1)
        if self._back:
            self._back[1]()

    def letters(self) -> Counter[tuple[str, str, str]]:
        """Return domain, original body and code of all dead letters, and how often each; `moved`: SQS did it."""
        found: Counter[tuple[str, str, str]] = Counter()
        for name, dlq in self.dlqs.items():
            while messages := dlq.receive(10, visibility_seconds=60):
                dlq.delete(messages)
                said = [json.loads(message.body) for message in messages]
                found.update((name, one.get("original_body", "?"), one.get("code", "moved")) for one in said)
        return found

    def story(self, why: str) -> str:
        """Return what happened, for a failure's message: kills, outages, the end of each loader's log."""
        tails = [
            f"{log.name}:\n{log.read_text()[-1500:]}" for log in sorted(self.folder.glob("loader-*.log"))
        ]
        return f"{why}; killed: {dict(self.kills)}; outages: {self.outages}\n" + "\n".join(tails[-4:])
