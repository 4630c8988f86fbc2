"""Ports on loopback: free ones are taken below the range that the system hands to outgoing connections."""

from __future__ import annotations

import random
import socket

from include.core.errors import TransientError

LOOPBACK = "127.0.0.1"
_RANGE = range(20_000, 32_000)


class NoFreePort(TransientError):
    """No port of our range is free."""


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(*, avoid: set[int] = frozenset()) -> int:  # type: ignore[assignment]
    """Return a port that is free now and not in `avoid`."""
    for port in random.sample(_RANGE, 200):
        if port not in avoid and is_free(port):
            return port
    raise NoFreePort(f"200 ports tried between {_RANGE.start} and {_RANGE.stop} on {LOOPBACK}; none is free.")


def is_listening(port: int) -> bool:
    """Return whether somebody accepts connections on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
