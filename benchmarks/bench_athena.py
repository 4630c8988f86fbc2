"""The local Athena: the seed's four metrics and two validations over a day of up to five million events.

24 hours of NDJSON in objects of 1 MB, as Firehose delivers them, made from a seed. Each query goes through the API
as a DAG's does: start, ask until it has ended, page through its rows; the memory is the most that the local AWS
had, which runs the queries. The limit counts the day's parsed events by DuckDB over the same files, with the same threads.
Run: `python -m benchmarks --only athena`.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import psutil

from benchmarks.harness import Aim, Result, announce, to_markdown
from benchmarks.local_stack import local_aws
from include.analytics.statements import FOLDER, LATE_SAFE, PUBLISHED, SEED
from include.clients.aws import Aws

EVENTS, MOST = 1_000_000, 5_000_000
OBJECT = 1_000_000
"""Bytes an object."""
BUCKET, DATABASE, DAY, EVENT = "bench-events", "bench", "2026-01-04", "event-1"
FURTHER = (*(query for query in LATE_SAFE if query.name == "select_delay_late_safe"), PUBLISHED)
"""Beside the six, not among them: a metric that counts each request once, and the ids that have an event."""
MIDNIGHT = 1_767_484_800_000
_LINE = (
    '{{"schemaVersion":1,"env":"dev","eventId":"event-{event}","requestId":"req-{number:08d}",'
    '"eventType":"FIRST_COME","finalStatus":"{status}","resultCode":"{code}","timestamps":{{"queuedAt":{queued},'
    '"startedAt":{started},"finishedAt":{finished}}},"delivery":{{"attempt":1,"isDlq":{dlq}}},"failure":'
    '{{"failureClass":null,"errorCode":null,"errorMessage":null}},"meta":{{"workerId":"local-1"}}}}\n'
)


@dataclass
class Server:
    """A local AWS of the benchmark's own, with a day of events."""

    aws: Aws
    process: psutil.Process
    objects: Path

    def ask(self, sql: str, parameters: list[str]) -> int:
        """Run one statement; return how many rows it has."""
        athena = self.aws.client("athena")
        bound = {"ExecutionParameters": parameters} if parameters else {}
        query = athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": DATABASE},
            ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/results/"},
            **bound,
        )["QueryExecutionId"]
        while True:
            status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
            if status["State"] not in ("QUEUED", "RUNNING"):
                break
            time.sleep(0.02)
        if status["State"] != "SUCCEEDED":
            raise RuntimeError(f"{status['State']}: {status.get('StateChangeReason')}")
        pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query)
        return sum(len(page["ResultSet"]["Rows"]) for page in pages)

    def count(self) -> int:
        """Count the day's events by DuckDB itself; what the limit does."""
        files = str(self.objects / BUCKET / "events" / f"dt={DAY}" / "*" / "part-????")
        with duckdb.connect(config={"threads": 2, "preserve_insertion_order": False}) as connection:
            connection.execute("SET enable_progress_bar=false")
            row = connection.execute(
                "SELECT count(eventId) FROM read_json(?, columns={'eventId': 'VARCHAR', 'requestId': 'VARCHAR'}, "
                "format='newline_delimited', ignore_errors=true)",
                [files],
            ).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def server(events: int) -> Iterator[Server]:
    """Start a local AWS, deliver the events, make the table and its partitions; yield it."""
    with local_aws() as (aws, process, state):
        deliver(aws, events)
        made = Server(aws, process, state / "s3" / "000000000000")
        made.ask((FOLDER / "create_participation_logs.sql").read_text().replace("<bucket>", BUCKET), [])
        made.ask((FOLDER / "repair_participation_logs.sql").read_text(), [])
        yield made


def deliver(aws: Aws, events: int) -> None:
    """Put the day's events into the bucket as objects of 1 MB."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    aws.client("glue").create_database(DatabaseInput={"Name": DATABASE})

    def put(one: tuple[str, bytes]) -> None:
        s3.put_object(Bucket=BUCKET, Key=one[0], Body=one[1])

    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(put, _objects(events)):
            pass


def _objects(events: int) -> Iterator[tuple[str, bytes]]:
    chance = random.Random(7)
    for hour in range(24):
        lines: list[str] = []
        size = part = 0
        for number in range(events * hour // 24, events * (hour + 1) // 24):
            lines.append(_line(chance, number, hour))
            size += len(lines[-1])
            if size >= OBJECT:
                yield f"events/dt={DAY}/hour={hour:02d}/part-{part:04d}", "".join(lines).encode()
                lines, size, part = [], 0, part + 1
        yield f"events/dt={DAY}/hour={hour:02d}/part-{part:04d}", "".join(lines).encode()


def _line(chance: random.Random, number: int, hour: int) -> str:
    queued = MIDNIGHT + hour * 3_600_000 + chance.randrange(3_600_000)
    started = queued + int(chance.expovariate(1 / 400))
    served = chance.random() < 0.1
    return _LINE.format(
        event=number % 20, number=number, status="SUCCEEDED" if served else "REJECTED",
        code="SUCCESS" if served else "REJECTED_CAPACITY", queued=queued, started=started,
        finished=started + 5 + chance.randrange(60), dlq="true" if number % 500 == 0 else "false",
    )  # fmt: skip


def run(repeat: int = 3, sizes: tuple[int, ...] = (100_000, EVENTS, MOST)) -> list[Result]:
    """Return the figures of each query and of all six together, for days of these many events."""
    return [result for events in sizes for result in _measured(events, repeat)]


def _measured(events: int, repeat: int) -> list[Result]:
    day = f"'{DAY}'"
    values = {
        "day": day, "last_day": day, "event": f"'{EVENT}'", "start_ms": str(MIDNIGHT), "end_ms": str(MIDNIGHT + 86_400_000),
    }  # fmt: skip
    title = f"Athena, {events:,} events in a day"
    with server(events) as made:
        if made.count() != events:
            raise RuntimeError(f"{made.count()} of {events} events were delivered")
        ways: dict[str, Callable[[], Any]] = {"limit": made.count} | {
            query.name: lambda query=query: made.ask(query.text, [values[name] for name in query.parameters])
            for query in (*SEED, *FURTHER)
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(repeat):
            for name, work in ways.items():
                for tell in announce:
                    tell(title, name)
                process = psutil.Process() if name == "limit" else made.process
                began, used = time.perf_counter(), sum(process.cpu_times()[:2])
                work()
                taken[name].append((time.perf_counter() - began, sum(process.cpu_times()[:2]) - used))
        status = Path(f"/proc/{made.process.pid}/status").read_text()
        memory = int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    rounds = [
        (
            sum(taken[query.name][number][0] for query in SEED),
            sum(taken[query.name][number][1] for query in SEED),
        )
        for number in range(repeat)
    ]
    limit = median(wall for wall, _ in taken["limit"])
    aim = Aim("seconds", 10) if events == EVENTS else None
    return [_result(title, name, figures, limit, memory) for name, figures in taken.items()] + [
        _result(title, "all six", rounds, limit, memory, aim)
    ]


def _result(
    title: str,
    way: str,
    figures: list[tuple[float, float]],
    limit: float,
    memory: float,
    aim: Aim | None = None,
) -> Result:
    walls = [wall for wall, _ in figures]
    return Result(
        name=title, way=way, seconds=median(walls), cpu_seconds=median(cpu for _, cpu in figures), peak_mb=memory,
        ratio=median(walls) / limit, fastest=min(walls), slowest=max(walls), aim=aim,
    )  # fmt: skip


if __name__ == "__main__":
    print(to_markdown(run(int(sys.argv[1]) if len(sys.argv) > 1 else 3)))
