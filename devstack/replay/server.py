"""Run the replay server: in the foreground (`serve`) or for a while beside other code (`running`)."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from devstack.replay.app import Replay, create_app
from devstack.replay.prices import load_prices
from include.core.errors import TerminalError, TransientError


class PortTaken(TerminalError):
    """The port asked for cannot be had."""


class ReplayNotStarted(TransientError):
    """The server did not come up in time."""


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    data: Path | str | None = None,
    faults: Iterable[str] = (),
    latency_ms: float = 0,
    api_key: str | None = None,
) -> None:
    """Serve until interrupted; port 0 takes a free one. The first line of output says where.

    `api_key`: the one that FMP's part wants; None: any.

    Raises `PortTaken`, `UnreadablePrices` or `InvalidFault` before anything is served.
    """
    listening = listen(host, port)
    prices = load_prices(data)
    app = create_app(prices, faults, latency_ms=latency_ms, api_key=api_key)
    place = f"http://{host}:{listening.getsockname()[1]}"
    sys.stdout.write(f"replay: {len(prices.places)} symbols of {prices.source} at {place}\n")
    sys.stdout.flush()
    _server(app).run(sockets=[listening])


@contextmanager
def running(app: Replay, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve `app` from a thread while the block runs; yields the base URL."""
    listening = listen(host, port)
    server = _server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield f"http://{host}:{listening.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(timeout=10)
        listening.close()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address, or raise `PortTaken` naming it."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(256)  # at once: two servers may bind one port, only one may listen
    except (OSError, OverflowError) as error:
        listening.close()
        raise PortTaken(
            f"The replay server cannot listen at {host}:{port} ({error}). Choose another --port (0 takes a "
            f"free one), or stop what uses it (`ss -ltnp 'sport = :{port}'` names it)."
        ) from error
    return listening


def _server(app: Replay) -> uvicorn.Server:
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1, ws="none"
    )
    return uvicorn.Server(config)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + 15
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise ReplayNotStarted("The replay server did not start; its log above says why.")
        time.sleep(0.01)
