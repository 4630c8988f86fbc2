"""The participation service: how long a POST takes, how fast workers are, and how often either asks AWS.

Ingest (uvicorn) and a worker run in processes of their own, as in production, on a local AWS of the benchmark's own.
First users ask for a place each, eight at a time; then the queue that has filled is worked off. The calls are counted
in a third pass, on the wire: every HTTP request that botocore sends, retries too, under the name of the part.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from unittest import mock

import psutil

from benchmarks.call_counts import call_results
from benchmarks.harness import ROOT, Result, announce, to_markdown
from benchmarks.local_stack import applied, local_aws
from devstack.deploy import deploy
from devstack.ports import free_port
from include.clients.aws import Aws
from include.clients.queues import Queue
from include.participation.capacity import Capacity
from include.participation.config import WorkerConfig
from include.participation.parts import make_consumer, make_ingest
from include.participation.table import Table

REQUESTS, CLIENTS, THREADS, SECONDS = 1_000, 8, 8, 600
ENVIRONMENT, ISSUER, AUDIENCE = "bench", "https://bench.invalid", "participation"
TITLE = f"participation, {REQUESTS:,} requests for {REQUESTS // 10} places"


@dataclass
class Service:
    """A deployed service; its parts are started by who measures them."""

    aws: Aws
    table: Table
    variables: dict[str, str]
    key: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def config(self) -> WorkerConfig:
        """What parts in this process are told."""
        return WorkerConfig(
            environment=ENVIRONMENT, requests_table=self.table.name, endpoint_url=self.aws.endpoint_url,
            wait_seconds=0, parallelism=THREADS,
        )  # fmt: skip

    @property
    def queue(self) -> Queue:
        """The queue between ingest and worker."""
        return Queue(self.aws.client("sqs"), str(self.config.queues.queue))

    def open(self) -> str:
        """Open an event with a tenth of the places that will be asked for; return its id."""
        event = f"bench-{secrets.token_hex(6)}"
        Capacity(self.table).open(event, REQUESTS // 10)
        return event

    @contextmanager
    def running(self, *part: str, **more: str) -> Iterator[psutil.Process]:
        """Start a part of the service; end it with the block."""
        command = [sys.executable, "-m", "include.participation", *part]
        environment = os.environ | self.variables | {"PYTHONPATH": str(ROOT)} | more
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def service() -> Iterator[Service]:
    """Start a local AWS with every stack; yield the service on it."""
    with local_aws() as (aws, _, _):
        outputs = deploy(aws, ENVIRONMENT, poll_seconds=0.1)
        credentials = {
            "AWS_ACCESS_KEY_ID": str(aws.access_key_id),
            "AWS_SECRET_ACCESS_KEY": str(aws.secret_access_key),
            "AWS_ENDPOINT_URL": str(aws.endpoint_url),
            "AWS_REGION": aws.region,
        }
        variables = credentials | {
            "PARTICIPATION_ENVIRONMENT": ENVIRONMENT, "PARTICIPATION_REQUESTS_TABLE": outputs["RequestsTable"],
            "PARTICIPATION_WAIT_SECONDS": "1", "PARTICIPATION_PARALLELISM": str(THREADS),
        }  # fmt: skip
        with applied(credentials):
            yield Service(aws, Table(aws, outputs["RequestsTable"]), variables)


def ask(made: Service, event: str) -> tuple[list[float], float, float]:
    """Let every user ask once over HTTP; return each one's seconds, and CPU seconds and memory of ingest."""
    import httpx
    import jwt

    port = free_port()
    more = {
        "PARTICIPATION_JWT_KEY": made.key, "PARTICIPATION_JWT_ALGORITHM": "HS256", "PARTICIPATION_PORT": str(port),
        "PARTICIPATION_JWT_ISSUER": ISSUER, "PARTICIPATION_JWT_AUDIENCE": AUDIENCE,
    }  # fmt: skip
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": time.time() + 3_600}
    tokens = [
        jwt.encode({"sub": f"user-{n}", **claims}, made.key, "HS256") for n in range(REQUESTS + CLIENTS)
    ]

    def post(client: httpx.Client, user: int, path: str) -> float:
        began = time.perf_counter()
        answer = client.post(path, headers={"Authorization": f"Bearer {tokens[user]}"})
        if answer.status_code != 202:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        return time.perf_counter() - began

    with (
        made.running("ingest", **more) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        await_answer(client)
        warm = made.open()  # connections, and the code that only a first request imports
        list(pool.map(lambda n: post(client, REQUESTS + n, f"/events/{warm}/participations"), range(CLIENTS)))
        before = sum(process.cpu_times()[:2])
        taken = list(pool.map(lambda n: post(client, n, f"/events/{event}/participations"), range(REQUESTS)))
        return taken, sum(process.cpu_times()[:2]) - before, process.memory_info().rss / 1e6


def await_answer(client: Any) -> None:
    """Wait until ingest answers."""
    import httpx

    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            client.get("/health")
        except httpx.TransportError:  # noqa: PERF203 - it is waited for
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("ingest does not answer")


def work(made: Service, event: str) -> tuple[float, float, float]:
    """Let one worker empty the queue; return seconds from its first state to its last, CPU seconds, memory."""
    with made.running("worker") as process:
        deadline = time.monotonic() + SECONDS
        while made.queue.depth().total:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{made.queue.depth()} after {SECONDS} s")
            time.sleep(0.1)
        cpu, memory = sum(process.cpu_times()[:2]), process.memory_info().rss / 1e6
    items = [one for one in _scan(made) if one.get("eventId") == event and "finishedAt" in one]
    if len(items) != REQUESTS or sum(one["status"] == "SUCCEEDED" for one in items) != REQUESTS // 10:
        raise RuntimeError(f"{len(items)} of {REQUESTS} requests are final")
    first, last = min(one["startedAt"] for one in items), max(one["finishedAt"] for one in items)
    return float(last - first) / 1000, cpu, memory


def _scan(made: Service) -> Iterator[dict[str, Any]]:
    table = made.aws.table(made.table.name)
    start: dict[str, Any] = {}
    while True:
        page = table.scan(**start)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def count(made: Service) -> dict[str, Counter[str]]:
    """Return how often each part asks AWS for all the requests, by service and action."""
    from botocore.httpsession import URLLib3Session

    event, calls, part = made.open(), {"ingest": Counter[str](), "worker": Counter[str]()}, "ingest"
    send = URLLib3Session.send

    def counted(self: Any, request: Any) -> Any:
        target = request.headers.get("X-Amz-Target", b"")
        calls[part][target.decode() if isinstance(target, bytes) else str(target)] += 1
        return send(self, request)

    ingest, consumer = make_ingest(made.config), make_consumer(made.config, from_dlq=False)
    with mock.patch.object(URLLib3Session, "send", counted):
        for user in range(REQUESTS):
            if ingest.participate(f"user-{user}", event) is None:
                raise RuntimeError(f"{event} is gone")
        part = "worker"
        while consumer.queue.depth().total:
            consumer._turn(0.0)
            calls["worker"].subtract(["AmazonSQS.GetQueueAttributes"])  # ours, to know when it is over
    calls["worker"].subtract(["AmazonSQS.GetQueueAttributes"])
    return {name: +found for name, found in calls.items()}


def run(repeat: int = 3) -> list[Result]:
    """Return latencies of ingest, the time of a worker, and the calls of both."""
    asked, worked = [], []
    with service() as made:
        for _ in range(repeat):
            event = made.open()
            _tell("ingest")
            asked.append(ask(made, event))
            _tell("worker")
            worked.append(work(made, event))
        _tell("calls")
        calls = count(made)
    return [*_latencies(asked), _throughput(worked), *call_results(calls, REQUESTS)]


def _tell(way: str) -> None:
    for listener in announce:
        listener(TITLE, way)


def _latencies(asked: list[tuple[list[float], float, float]]) -> list[Result]:
    found = []
    for share in (50, 99):
        each = [sorted(taken)[-(-len(taken) * share // 100) - 1] for taken, _, _ in asked]
        found.append(
            Result(
                name=TITLE, way=f"ingest: POST, p{share}, {CLIENTS} at a time", seconds=median(each),
                cpu_seconds=median(cpu for _, cpu, _ in asked), peak_mb=max(memory for *_, memory in asked),
                ratio=0, fastest=min(each), slowest=max(each),
            )
        )  # fmt: skip
    return found


def _throughput(worked: list[tuple[float, float, float]]) -> Result:
    walls = [wall for wall, _, _ in worked]
    rate = REQUESTS / median(walls)
    return Result(
        name=TITLE, way=f"worker: {THREADS} threads, {rate:.0f} requests/s", seconds=median(walls),
        cpu_seconds=median(cpu for _, cpu, _ in worked), peak_mb=max(memory for *_, memory in worked),
        ratio=0, fastest=min(walls), slowest=max(walls),
    )  # fmt: skip


if __name__ == "__main__":
    print(to_markdown(run(int(sys.argv[1]) if len(sys.argv) > 1 else 3)))
