"""`python -m devstack.replay --data FILE --port N --fault SPEC --latency-ms 50`."""

from __future__ import annotations

import argparse
import os
import sys

from devstack.replay.server import serve
from include.core.errors import TapelineError


def main() -> int:
    """Serve until interrupted; return 0, or 2 after one line saying what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m devstack.replay", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--data", help="CSV, CSV.gz or Parquet; left out: the recorded demo prices")
    parser.add_argument("--fault", action="append", default=[], metavar="SPEC", help="e.g. rate:429=0.1")
    parser.add_argument("--latency-ms", type=float, default=0)
    asked = parser.parse_args()
    try:
        key = os.environ.get("TAPELINE_REPLAY_API_KEY") or None  # not an argument: everybody can read those
        serve(asked.host, asked.port, asked.data, asked.fault, asked.latency_ms, key)
    except TapelineError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
