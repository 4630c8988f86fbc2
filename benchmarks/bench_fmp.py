"""Fetch daily prices of many symbols from a loopback server that speaks FMP's stable API: a year, and 13 years.

Ways: our client, the bare limit (one keep-alive connection, a JSON parse), and the usual script (requests and a
pandas frame a symbol). One thread: FMP's limit of five requests a second is far below what one can do.
Run: `python -m benchmarks.bench_fmp [--repeat N]`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from benchmarks.harness import ROOT, Result, compare, to_markdown
from benchmarks.universe import symbols_of, write_universe

END = date(2013, 3, 1)
SPANS = {"1 year": (date(2012, 3, 2), 100), "13 years": (date(2000, 3, 1), 20)}
"""From when, and for how many symbols."""
LIMIT = "limit: urllib3 + json"
WAYS = {
    LIMIT: "benchmarks.bench_fmp:by_urllib3",
    "ours: FmpClient.fetch_prices": "benchmarks.bench_fmp:by_our_client",
    "requests + pandas": "benchmarks.bench_fmp:by_script",
}


def run(repeat: int = 5) -> list[Result]:
    """Return the medians of all ways, for both spans."""
    results = []
    with _server() as url:
        for title, (start, symbols) in SPANS.items():
            args = {"url": url, "symbols": symbols, "start": start.isoformat()}
            name = f"FMP, {symbols} symbols × {title}, one request a symbol"
            results += compare(name, WAYS, args, limit=LIMIT, repeat=repeat)
    return results


def by_urllib3(url: str, symbols: int, start: str) -> Callable[[], None]:
    """urllib3 with one pool, parsed by json."""
    import urllib3

    pool = urllib3.PoolManager(headers={"apikey": "any"})

    def fetch(symbol: str) -> int:
        path = f"/stable/historical-price-eod/full?symbol={symbol}&from={start}&to={END}"
        return len(json.loads(pool.request("GET", url + path).data))

    return _fetching(fetch, symbols)


def by_our_client(url: str, symbols: int, start: str) -> Callable[[], None]:
    """Our client: the same, checked, with its faults, as a table."""
    from include.clients.fmp import FmpClient

    client = FmpClient(url, "any")
    first = date.fromisoformat(start)
    return _fetching(lambda symbol: client.fetch_prices(symbol, first, END).prices.height, symbols)


def by_script(url: str, symbols: int, start: str) -> Callable[[], None]:
    """A request and a frame a symbol, as scripts do."""
    import pandas as pd
    import requests

    def fetch(symbol: str) -> int:
        params = {"symbol": symbol, "from": start, "to": END.isoformat(), "apikey": "any"}
        answer = requests.get(f"{url}/stable/historical-price-eod/full", params=params, timeout=60)
        frame = pd.DataFrame(answer.json())
        frame["date"] = pd.to_datetime(frame["date"])
        return len(frame.sort_values("date"))

    return _fetching(fetch, symbols)


def _fetching(fetch: Callable[[str], int], symbols: int) -> Callable[[], None]:
    def work() -> None:
        counts = [fetch(symbol) for symbol in symbols_of(symbols)]
        if not all(counts):
            raise RuntimeError(f"{counts.count(0)} of {symbols} symbols came back without prices")

    return work


@contextmanager
def _server() -> Iterator[str]:
    symbols = max(symbols for _, symbols in SPANS.values())
    with tempfile.TemporaryDirectory() as folder:
        data = write_universe(Path(folder) / "universe.parquet", symbols, "2000-03-01")
        server = subprocess.Popen(
            [sys.executable, "-m", "devstack.replay", "--data", str(data)],
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
    print(to_markdown(run(parser.parse_args().repeat)))
