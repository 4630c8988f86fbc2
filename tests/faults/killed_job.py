"""Run a job of the fundamentals in a process that dies by SIGKILL at one point: `python killed_job.py SPEC`.

The points are those of the client that writes: nothing of the jobs themselves is changed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_mid_copy(calls: int) -> None:
    """Die in the COPY of the n-th upsert, after its first bytes."""
    from include.clients.postgres import upsert

    whole, left = upsert.encode, [calls]

    def encode(*arguments: Any) -> Iterator[bytes]:
        left[0] -= 1
        for piece in whole(*arguments):
            yield piece[:50] if not left[0] else piece
            if not left[0]:
                die()

    upsert.encode = encode


def before_commit(calls: int) -> None:
    """Die when the n-th transaction with a COPY is about to be committed."""
    from include.clients.postgres import Postgres, upsert

    whole, copied, encode = Postgres.connection, [0], upsert.encode

    def counting(*arguments: Any) -> Any:
        copied[0] += 1
        return encode(*arguments)

    @contextmanager
    def connection(self: Postgres) -> Iterator[Any]:
        with whole(self) as found:
            yield found
            if copied[0] == calls:
                die()

    upsert.encode = counting
    Postgres.connection = connection  # type: ignore[method-assign]


def after_commit(calls: int) -> None:
    """Die right after the n-th transaction with a COPY was committed."""
    from include.clients.postgres import Postgres, upsert

    whole, copied, encode = Postgres.connection, [0], upsert.encode

    def counting(*arguments: Any) -> Any:
        copied[0] += 1
        return encode(*arguments)

    @contextmanager
    def connection(self: Postgres) -> Iterator[Any]:
        with whole(self) as found:
            yield found
        if copied[0] == calls:
            die()

    upsert.encode = counting
    Postgres.connection = connection  # type: ignore[method-assign]


POINTS: dict[str, Callable[[int], None]] = {
    "in mid-COPY": in_mid_copy, "before the commit": before_commit, "after the commit": after_commit,
}  # fmt: skip


def main() -> None:
    """Run one job with a chunk a symbol, as the tasks would, and die on the way."""
    spec = json.loads(sys.argv[1])
    from include.clients.fmp import FmpClient
    from include.clients.postgres import Postgres, PostgresAddress
    from include.fundamentals import run as jobs
    from include.fundamentals.config import FundamentalsRequest
    from include.fundamentals.jobs import registry

    POINTS[spec["point"]](spec["calls"])
    with Postgres(PostgresAddress(**spec["database"])) as database:
        job_run = jobs.JobRun(
            job=registry().jobs[spec["job"]], request=FundamentalsRequest(**spec["asked"]),
            day=date.fromisoformat(spec["day"]), database=database,
            open_source=lambda: FmpClient(spec["source"], "any"),
        )  # fmt: skip
        module = jobs.import_job(job_run.job)
        for chunk in module.plan_chunks(job_run):
            parts = [chunk] if not chunk.count > 1 or spec["job"] == "load_symbols" else spec["symbols"]
            for part in parts:
                one = part if isinstance(part, jobs.Chunk) else jobs.Chunk(first=part, last=part, count=1)
                module.load_chunk(job_run, one)


if __name__ == "__main__":
    main()
