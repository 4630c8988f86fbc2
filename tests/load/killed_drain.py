"""A loader that kills itself with SIGKILL right after one of its steps; run as a program by the tests."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from include.clients.aws import Aws
from include.clients.queues import Queue
from include.clients.warehouse import WarehouseAddress, open_warehouse
from include.core.domains import domains
from include.load.config import LoadRequest
from include.load.drain import drain


def killing(subject: Any, method: str, only: str = "") -> None:
    """Make the program die after the call of a method (whose first argument ends with `only`)."""
    call = getattr(subject, method)

    def dying(*arguments: Any, **named: Any) -> Any:
        answer = call(*arguments, **named)
        if not only or str(arguments[0]).endswith(only):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(subject, method, dying)


def main() -> None:
    """Drain as the job says; die at its point."""
    job = json.loads(sys.argv[1])
    aws = Aws(**job["aws"])
    sqs = aws.client("sqs")
    queue, dlq = Queue(sqs, job["queue"]), Queue(sqs, job["dlq"])
    warehouse = open_warehouse(WarehouseAddress(**job["address"]))
    subjects = {"queue": queue, "dlq": dlq, "warehouse": warehouse}
    subject, method, only = job["point"]
    killing(subjects[subject], method, only)
    drain(
        queue=queue,
        dlq=dlq,
        store=aws.object_store(job["bucket"]),
        open_warehouse=lambda: warehouse,
        domain=domains()["market"],
        request=LoadRequest(visibility_seconds=job["visibility_seconds"], linger_seconds=0),
    )


if __name__ == "__main__":
    main()
