"""`python -m include.participation ingest|worker|open`: starts a part of the service, told by its environment."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

from include.core.errors import TapelineError
from include.participation.capacity import Capacity
from include.participation.config import IngestConfig, ServiceConfig, WorkerConfig, read_config
from include.participation.models import EVENT_ID
from include.participation.parts import make_consumer, make_ingest
from include.participation.table import Table

log = logging.getLogger(__name__)


def run_ingest(environment: Mapping[str, str], port: int | None = None) -> int:
    """Serve the API until SIGTERM, on the port if one is given; return the exit code."""
    import uvicorn

    from include.participation.ingest.app import make_app

    config = read_config(IngestConfig, environment)
    app = make_app(config, make_ingest(config))
    uvicorn.run(
        app, host=config.host, port=port or config.port, access_log=False, log_config=None, server_header=False,
        timeout_graceful_shutdown=20, timeout_keep_alive=30,
    )  # fmt: skip
    return 0


def run_worker(environment: Mapping[str, str], *, from_dlq: bool) -> int:
    """Consume a queue until SIGTERM or SIGINT; return the exit code once nothing is held."""
    consumer = make_consumer(read_config(WorkerConfig, environment), from_dlq=from_dlq)

    def stop(_: int, __: FrameType | None) -> None:
        consumer.stop.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("worker on %s", consumer.queue.name)
    consumer.run()
    return 0


def run_open(environment: Mapping[str, str], event_id: str, places: int) -> int:
    """Open an event; return the exit code, 1 where it is open already."""
    config = read_config(ServiceConfig, environment)
    if Capacity(Table(config.aws, config.requests_table)).open(event_id, places):
        return 0
    sys.stderr.write(f"The event {event_id} is open already; nothing was changed.\n")
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for; return the exit code, 2 after one line where it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m include.participation", description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    ingest = parts.add_parser("ingest", help="the HTTP API")
    ingest.add_argument("--port", type=int, help="instead of PARTICIPATION_PORT")
    worker = parts.add_parser("worker", help="processes queued requests")
    worker.add_argument("--queue", choices=["main", "dlq"], default="main", help="what it consumes")
    opening = parts.add_parser("open", help="open an event")
    opening.add_argument("event_id")
    opening.add_argument("--capacity", type=int, required=True, help="places it has")
    asked = parser.parse_args(arguments)
    if asked.part == "open" and not (re.fullmatch(EVENT_ID, asked.event_id) and asked.capacity > 0):
        parser.error("an event has an id of letters, digits and ._- (64 at most) and at least one place")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        if asked.part == "ingest":
            return run_ingest(os.environ, asked.port)
        if asked.part == "worker":
            return run_worker(os.environ, from_dlq=asked.queue == "dlq")
        return run_open(os.environ, asked.event_id, asked.capacity)
    except TapelineError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
