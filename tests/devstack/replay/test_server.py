"""The server as a process and the unmodified yfinance client against it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit

import pytest
from curl_cffi import requests as curl

from devstack.replay.app import create_app
from devstack.replay.prices import load_prices
from devstack.replay.server import PortTaken, listen, running

pytestmark = pytest.mark.integration
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def url() -> Iterator[str]:
    with running(create_app(load_prices())) as base:
        yield base


def call(url: str, method: str = "GET", content: Any = None) -> tuple[int, Any]:
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "devstack.replay", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY,
    )  # fmt: skip


def test_the_unmodified_yfinance_client_reads_prices_from_it(url: str, tmp_path: Path) -> None:
    import yfinance

    place = urlsplit(url).netloc

    class Redirected(curl.Session):
        def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Any:
            parts = urlsplit(url)
            local = urlunsplit(("http", place, parts.path or "/", parts.query, ""))
            return super().request(method, local, *args, **kwargs)

    yfinance.set_tz_cache_location(str(tmp_path))
    ticker = yfinance.Ticker("AAPL", session=Redirected(impersonate="chrome"))
    frame = ticker.history(start="2013-02-01", end="2013-03-02", auto_adjust=False)
    assert len(frame) == 20
    assert [str(frame.index[0]), str(frame.index[-1])] == [
        "2013-02-01 00:00:00-05:00",
        "2013-03-01 00:00:00-05:00",
    ]
    assert frame["Close"].iloc[-1] == pytest.approx(430.47, abs=1e-4)
    assert ticker.history_metadata["currency"] == "USD"


def test_requests_are_counted_by_kind_and_symbol_until_forgotten(url: str) -> None:
    call(f"{url}/v8/finance/chart/AAPL?range=5d")
    call(f"{url}/v8/finance/chart/aapl?range=5d")
    call(f"{url}/v8/finance/chart/NOSUCH")
    assert call(f"{url}/_requests") == (200, {"kinds": {"chart": 3}, "symbols": {"AAPL": 2, "NOSUCH": 1}})
    call(f"{url}/_requests", "DELETE")
    assert call(f"{url}/_requests") == (200, {"kinds": {}, "symbols": {}})


def test_faults_can_be_replaced_while_it_runs(url: str) -> None:
    chart = f"{url}/v8/finance/chart/AAPL?range=5d"
    assert call(f"{url}/_faults", "POST", ["symbol:AAPL=500*1"])[0] == 200
    assert [call(chart)[0], call(chart)[0]] == [500, 200]
    call(f"{url}/_faults", "POST", ["symbol:AAPL=429"])
    assert call(chart)[0] == 429
    call(f"{url}/_faults", "POST", [])
    assert call(chart)[0] == 200


@pytest.mark.parametrize("content", [["oops"], {"a": 1}, [1], "rate:429=0.1"])
def test_faults_that_cannot_be_read_leave_the_old_ones(url: str, content: Any) -> None:
    call(f"{url}/_faults", "POST", ["rate:500=1"])
    status, answer = call(f"{url}/_faults", "POST", content)
    assert status == 400
    assert answer["error"]
    assert call(f"{url}/_faults") == (200, ["rate:500=1"])


def test_the_process_says_where_it_listens_and_ends_on_sigterm(tmp_path: Path) -> None:
    data = tmp_path / "prices.csv"
    data.write_text("symbol,date,open,high,low,close,volume\nXYZ,2013-03-01,1,2,1,1.5,10\n")
    server = start("--data", str(data), "--fault", "symbol:GONE=delisted", "--latency-ms", "1")
    try:
        line = server.stdout.readline().strip()
        base = line.rpartition(" ")[2]
        assert line == f"replay: 1 symbols of {data} at {base}"
        _, answer = call(f"{base}/v8/finance/chart/XYZ")
        assert answer["chart"]["result"][0]["indicators"]["quote"][0]["close"] == [1.5]
        assert call(f"{base}/v8/finance/chart/GONE")[0] == 404
    finally:
        os.kill(server.pid, signal.SIGTERM)
    assert server.communicate(timeout=20)[1] == ""


def test_a_port_in_use_is_one_error_naming_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port}"):
            listen("127.0.0.1", port)
        server = start("--port", str(port))
        _, said = server.communicate(timeout=60)
    assert server.returncode == 2
    assert said.count("\n") == 1
    assert "Choose another --port" in said


def test_a_missing_data_file_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    server = start("--data", str(tmp_path / "absent.csv"))
    _, said = server.communicate(timeout=60)
    assert (server.returncode, said.count("\n")) == (2, 1)
    assert "absent.csv" in said
