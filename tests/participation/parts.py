"""Parts of the service in processes of their own, started as in production."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from devstack.home import REPO
from tests.participation.conftest import Service
from tests.participation.stalling import stalling

SECONDS = 120


def variables_of(service: Service, **more: str) -> Mapping[str, str]:
    return os.environ | service.variables | {"PYTHONPATH": str(REPO)} | more


@contextmanager
def running(service: Service, *arguments: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a part; end it at the latest when the block ends."""
    command = [sys.executable, "-m", "include.participation", *arguments]
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


@contextmanager
def killed_at(service: Service, step: str, *arguments: str, **more: str) -> Iterator[None]:
    """Start a part, and kill it at the step: after AWS has done the call, before the part has the answer.

    `step`: `operation:n`, the n-th call of an operation. The block may do what makes the part go so far.
    """
    assert service.aws.endpoint_url
    with (
        stalling(service.aws.endpoint_url, step) as proxy,
        running(service, *arguments, AWS_ENDPOINT_URL=proxy.url, **more) as part,
    ):
        yield
        wait_until(lambda: proxy.reached.is_set() or part.poll() is not None, f"a call {step}", SECONDS)
        assert part.poll() is None, f"it ended before {step}"
        part.kill()
        assert part.wait(SECONDS) == -signal.SIGKILL


def wait_until(held: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not held():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.1)
