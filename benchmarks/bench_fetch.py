"""Fetch 505 symbols × 1 month from a loopback server that speaks Yahoo's chart API.

Ways: our client, the bare limit (one keep-alive connection a thread and a JSON parse), and yfinance as it
is usually called. Each way gets the same server; `threads` is the same for all ways that have threads.
Run: `python -m benchmarks.bench_fetch [--repeat N] [--symbols N]`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from http.cookiejar import Cookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from benchmarks.harness import ROOT, Result, compare, to_markdown
from benchmarks.universe import symbols_of, write_universe

START, END = date(2013, 2, 1), date(2013, 3, 1)
BARS = 20
LIMIT = "limit: urllib3 + json"
WAYS = {
    LIMIT: "benchmarks.bench_fetch:by_urllib3",
    "limit: curl_cffi + json": "benchmarks.bench_fetch:by_curl",
    "ours: YahooClient.fetch_bars": "benchmarks.bench_fetch:by_our_client",
    "yfinance.Ticker.history": "benchmarks.bench_fetch:by_yfinance_history",
    "yfinance.download": "benchmarks.bench_fetch:by_yfinance_download",
}


def run(repeat: int = 5, symbols: int = 505) -> list[Result]:
    """Return the medians of all ways, for a server that answers at once and one that takes 50 ms."""
    results = []
    for latency_ms, threads in ((0, 1), (50, 8)):
        with _server(symbols, latency_ms) as url:
            title = (
                f"fetch, {symbols} symbols × 1 month, server answers in {latency_ms} ms, {threads} thread(s)"
            )
            args = {"url": url, "symbols": symbols, "threads": threads}
            results += compare(title, WAYS, args, limit=LIMIT, repeat=repeat)
    return results


def by_urllib3(url: str, symbols: int, threads: int) -> Callable[[], None]:
    """urllib3 with one pool, parsed by json."""
    import urllib3

    pool = urllib3.PoolManager(maxsize=threads)
    return _fetching(lambda symbol: _count(pool.request("GET", _chart(url, symbol)).data), symbols, threads)


def by_curl(url: str, symbols: int, threads: int) -> Callable[[], None]:
    """curl_cffi's session, parsed by json."""
    from curl_cffi import requests

    session = requests.Session()
    return _fetching(lambda symbol: _count(session.get(_chart(url, symbol)).content), symbols, threads)


def by_our_client(url: str, symbols: int, threads: int) -> Callable[[], None]:
    """Our client: the same, checked, with its faults, as a table."""
    from include.clients.yahoo import YahooClient

    client = YahooClient(url)
    return _fetching(lambda symbol: client.fetch_bars(symbol, START, END).bars.height, symbols, threads)


def by_yfinance_history(url: str, symbols: int, threads: int) -> Callable[[], None]:
    """yfinance, one Ticker a symbol."""
    yfinance, session = _yfinance(url)

    def fetch(symbol: str) -> int:
        ticker = yfinance.Ticker(symbol, session=session)
        return len(ticker.history(start=START, end=date(2013, 3, 2), auto_adjust=False))

    return _fetching(fetch, symbols, threads)


def by_yfinance_download(url: str, symbols: int, threads: int) -> Callable[[], None]:
    """yfinance.download of all symbols at once."""
    yfinance, session = _yfinance(url)

    def fetch() -> None:
        frame = yfinance.download(
            symbols_of(symbols), start=START, end=date(2013, 3, 2), session=session, auto_adjust=False,
            progress=False, threads=threads if threads > 1 else False,
        )  # fmt: skip
        if frame.shape[0] != BARS:
            raise RuntimeError(f"yfinance.download gave {frame.shape}")

    return fetch


def _fetching(fetch: Callable[[str], int], symbols: int, threads: int) -> Callable[[], None]:
    def work() -> None:
        with ThreadPoolExecutor(threads) as pool:
            counts = list(pool.map(fetch, symbols_of(symbols)))
        wrong = [count for count in counts if not 0 < count <= BARS]
        if wrong:
            raise RuntimeError(f"{len(wrong)} of {symbols} symbols came back with {wrong[0]} bars")

    return work


def _chart(url: str, symbol: str) -> str:
    return (
        f"{url}/v8/finance/chart/{symbol}?period1=1359676800&period2=1362182400&interval=1d"
        "&includePrePost=false&events=div%2Csplits%2CcapitalGains"
    )


def _count(body: bytes) -> int:
    return len(json.loads(body)["chart"]["result"][0]["timestamp"])


def _yfinance(url: str) -> tuple[Any, Any]:
    """Return yfinance with an empty cache, as on a fresh worker, and a session that goes to `url`."""
    import yfinance
    from curl_cffi import requests

    class Redirected(requests.Session):
        def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Any:
            parts = urlsplit(url)
            local = urlunsplit(("http", place, parts.path or "/", parts.query, ""))
            response = super().request(method, local, *args, **kwargs)
            if parts.hostname == "fc.yahoo.com":
                # as at Yahoo, whose cookie it keeps: without it, it would ask for one before every request
                self.cookies.jar.set_cookie(_yahoo_cookie())
            return response

    place = urlsplit(url).netloc
    yfinance.set_tz_cache_location(tempfile.mkdtemp(prefix="bench-yfinance-"))
    return yfinance, Redirected(impersonate="chrome")


def _yahoo_cookie() -> Cookie:
    next_year = int(time.time()) + 365 * 86400
    return Cookie(
        0, "A3", "replay", None, False, ".yahoo.com", True, True, "/", True, True, next_year, False,
        None, None, {},
    )  # fmt: skip


@contextmanager
def _server(symbols: int, latency_ms: float) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        data = write_universe(Path(folder) / "universe.parquet", symbols)
        server = subprocess.Popen(
            [sys.executable, "-m", "devstack.replay", "--data", str(data), "--latency-ms", str(latency_ms)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip().rpartition(" ")[2]
        finally:
            server.terminate()
            server.wait(20)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--symbols", type=int, default=505)
    asked = parser.parse_args()
    print(to_markdown(run(asked.repeat, asked.symbols)))
