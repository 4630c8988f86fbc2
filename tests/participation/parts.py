"""A worker or ingest in a process of its own, which a test may tell to die at a step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from devstack.home import REPO
from tests.participation.conftest import Service

DIE_AT = "TEST_DIE_AT"
"""`service:operation:n`: the process kills itself right after its n-th such call to AWS was answered."""


def main() -> int:
    """Run the service's own entry point, dying where `TEST_DIE_AT` says."""
    from botocore.client import BaseClient

    from include.participation.__main__ import main as start

    where, _, number = os.environ.get(DIE_AT, "none:1").rpartition(":")
    left = int(number)
    call: Any = BaseClient._make_api_call

    def dying(self: Any, operation: str, arguments: Any) -> Any:
        nonlocal left
        answer = call(self, operation, arguments)
        if operation == where:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return answer

    BaseClient._make_api_call = dying  # type: ignore[method-assign]
    return start()


def variables_of(service: Service, **more: str) -> Mapping[str, str]:
    return os.environ | service.variables | {"PYTHONPATH": str(REPO)} | more


@contextmanager
def running(service: Service, *arguments: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a part; end it at the latest when the block ends."""
    command = [sys.executable, "-m", "tests.participation.parts", *arguments]
    part = subprocess.Popen(
        command,
        env=variables_of(service, **more),
        cwd=REPO,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield part
    finally:
        part.kill()
        part.communicate()


def wait_until(held: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not held():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
