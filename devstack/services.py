"""The services of the local default: how each is started, when it answers, how it is asked to end."""

from __future__ import annotations

import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from devstack.home import REPO, Home
from devstack.ports import LOOPBACK

REGION = "us-east-1"
"""chDB's `s3()` signs for this region with an endpoint it does not know."""
AWS_KEY_ID = "tapeline"
"""Not twelve digits: MiniStack would take those for an account of their own."""


@dataclass(frozen=True)
class ReplayOptions:
    """What the market data replay answers with."""

    data: Path | None = None
    """CSV or Parquet of prices; None: the recorded demo prices."""
    faults: tuple[str, ...] = ()
    """Fault specs, for instance `rate:429=0.1`."""
    latency_ms: float = 0


@dataclass(frozen=True)
class Service:
    """One background process on one port of loopback."""

    name: str
    arguments: Callable[[int], list[str]]
    """From the port to the arguments of our Python."""
    answers: Callable[[int], bool]
    """Whether the service on the port does its work."""
    address: Callable[[int], str]
    data: Path | None = None
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    stop_signal: int = signal.SIGTERM
    start_seconds: float = 60
    listens: bool = True
    """Whether it has a port at all."""


def services(home: Home, replay: ReplayOptions | None = None) -> list[Service]:
    """Return the services in the order in which `status` shows them."""
    return [_aws(home), _postgres(home), _warehouse(home), _replay(home, replay or ReplayOptions())]


def base_environment() -> dict[str, str]:
    """Return our environment without what would change a service: AWS, Airflow, no bytecode, proxies."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "AIRFLOW_", "TAPELINE_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {**kept, "PYTHONPATH": str(REPO), "PYTHONUNBUFFERED": "1", **without_proxy()}


def without_proxy() -> dict[str, str]:
    """Return the variables that keep a proxy of the machine out of calls to loopback."""
    hosts = [host for host in os.environ.get("NO_PROXY", os.environ.get("no_proxy", "")).split(",") if host]
    hosts += [host for host in (LOOPBACK, "localhost") if host not in hosts]
    return {"NO_PROXY": ",".join(hosts), "no_proxy": ",".join(hosts)}


def aws_credentials(home: Home) -> dict[str, str]:
    """Return the environment variables of the local AWS account's made-up credentials."""
    return {
        "AWS_ACCESS_KEY_ID": AWS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": home.secret("aws"),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def http_url(port: int) -> str:
    """Return the base URL of a service on loopback."""
    return f"http://{LOOPBACK}:{port}"


def http_answers(path: str, *, seconds: float = 2) -> Callable[[int], bool]:
    """Return a check that GET `path` gives 200."""

    def answers(port: int) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{http_url(port)}{path}", timeout=seconds) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError, ValueError):
            return False

    return answers


def _aws(home: Home) -> Service:
    data = home.data("aws")
    return Service(
        name="aws",
        arguments=lambda port: ["-m", "devstack.aws", "--state", str(data), "--port", str(port)],
        answers=http_answers("/_ministack/health"),
        address=http_url,
        data=data,
    )


def _postgres(home: Home) -> Service:
    data = home.data("postgres")
    password = home.secret("postgres")
    return Service(
        name="postgres",
        arguments=lambda port: ["-m", "devstack.postgres", "--data", str(data), "--port", str(port)],
        answers=lambda port: _postgres_answers(port, password),
        address=lambda port: f"postgresql://{LOOPBACK}:{port}",
        data=data,
        environment={"TAPELINE_POSTGRES_PASSWORD": password},
        stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: does not wait for clients to leave
    )


def _postgres_answers(port: int, password: str) -> bool:
    import psycopg2

    try:
        psycopg2.connect(
            host=LOOPBACK, port=port, user="postgres", password=password, dbname="postgres", connect_timeout=2
        ).close()
    except psycopg2.Error:
        return False
    return True


def _warehouse(home: Home) -> Service:
    data = home.data("warehouse")
    return Service(
        name="warehouse",
        arguments=lambda port: ["-m", "devstack.warehouse", "--data", str(data), "--port", str(port)],
        answers=http_answers("/ping"),
        address=http_url,
        data=data,
        environment={
            **aws_credentials(home),
            "TAPELINE_WAREHOUSE_USER": "tapeline",
            "TAPELINE_WAREHOUSE_PASSWORD": home.secret("warehouse"),
        },
    )


def _replay(home: Home, options: ReplayOptions) -> Service:
    extra = ["--data", str(options.data.expanduser().resolve())] if options.data else []
    for fault in options.faults:
        extra += ["--fault", fault]
    if options.latency_ms:
        extra += ["--latency-ms", str(options.latency_ms)]
    return Service(
        name="replay",
        arguments=lambda port: ["-m", "devstack.replay", "--port", str(port), *extra],
        answers=http_answers("/_health"),
        address=http_url,
        data=options.data,
        environment={"TAPELINE_REPLAY_API_KEY": home.secret("fmp")},
    )


PYTHON = sys.executable
"""The interpreter of our virtual environment, for every process we start."""
