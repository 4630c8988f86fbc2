"""`python -m devstack.warehouse --data DIR --port N`: the local warehouse in the foreground.

Environment: `TAPELINE_WAREHOUSE_USER` and `TAPELINE_WAREHOUSE_PASSWORD` (unset: no password is asked),
`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION` for `s3()`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

MB = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return 0, or 1 after one line that says why it cannot start."""
    options = _options(arguments)
    # DateTime columns without a zone must not depend on the machine's.
    os.environ["TZ"] = "UTC"
    from devstack.warehouse import Credentials, EngineLimits, WarehouseNotStarted, serve

    limits = EngineLimits(
        server_memory_bytes=options.memory_mb * MB,
        query_memory_bytes=options.memory_mb * MB,
        threads=options.threads,
        concurrent_queries=options.concurrent_queries,
    )
    credentials = Credentials(
        user=os.environ.get("TAPELINE_WAREHOUSE_USER", "default"),
        password=os.environ.get("TAPELINE_WAREHOUSE_PASSWORD", ""),
    )
    try:
        server = serve(options.data, options.port, limits=limits, credentials=credentials)
    except WarehouseNotStarted as error:
        print(f"tapeline warehouse: {error}", file=sys.stderr)  # noqa: T201
        return 1

    def stop(*_: object) -> None:
        # shutdown() waits for the loop that this handler interrupts, so it needs a thread of its own
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"warehouse listening on http://127.0.0.1:{server.port}", flush=True)  # noqa: T201
    server.serve_forever(poll_interval=0.2)
    server.finish()
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devstack.warehouse", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data; made if absent")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--memory-mb", type=int, default=1000, help="memory for all queries (default 1000)")
    parser.add_argument("--threads", type=int, default=2, help="threads a query (default 2)")
    parser.add_argument("--concurrent-queries", type=int, default=16, help="requests at once (default 16)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
