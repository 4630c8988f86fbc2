"""`python -m devstack.aws --state DIR --port N`: the local AWS until it is interrupted."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import sys
from pathlib import Path


def main() -> int:
    """Serve until SIGTERM or SIGINT; return 0, or 2 after one line saying what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m devstack.aws", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder of everything that is kept")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--region", default="us-east-1")
    asked = parser.parse_args()
    state: Path = asked.state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"{state} is in use by another local AWS; stop that one first\n")
            return 2
        configure(state, asked.port, asked.region)
        asyncio.run(_serve(state, asked.port))
    return 0


def configure(state: Path, port: int, region: str) -> None:
    """Set what MiniStack reads from the environment when it is imported."""
    os.environ.update(
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",
        MINISTACK_HOST="127.0.0.1",
        MINISTACK_REGION=region,
        MINISTACK_ACCOUNT_ID="000000000000",
        PERSIST_STATE="1",
        STATE_DIR=str(state / "services"),
        S3_PERSIST="1",
        S3_DATA_DIR=str(state / "s3"),
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LOG_LEVEL="WARNING",
        # MiniStack removes, at start and at stop, every container of its kind that a docker daemon of
        # the machine has; somebody else's must survive us.
        DOCKER_HOST=f"unix://{state}/no-docker",
    )


async def _serve(state: Path, port: int) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from devstack.aws.app import LocalAws, ministack_app

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    await serve(LocalAws(ministack_app(), state), config)  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
