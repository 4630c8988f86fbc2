"""The jobs without Airflow: a database of the test's own in a real PostgreSQL, and a replay of the source."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from devstack.databases import fundamentals_address
from devstack.replay.app import Replay, create_app
from devstack.replay.faults import Faults
from devstack.replay.fmp import FmpRouter
from devstack.replay.prices import Prices, load_prices
from devstack.replay.server import running
from devstack.stack import Stack
from include.clients.fmp import FmpClient
from include.clients.postgres import Postgres, PostgresAddress
from include.clients.postgres.client import connect
from include.clients.postgres.migrate import migrate
from include.fundamentals.config import FundamentalsRequest
from include.fundamentals.jobs import Job, registry
from include.fundamentals.quality import add_up
from include.fundamentals.run import ChunkResult, JobRun, import_job

DAY = date(2013, 3, 1)
KEY = "any"
TABLES = ("symbols", "daily_prices", "daily_ma", "ratios")
KEYS = {"symbols": "symbol", "ratios": "symbol, as_of"}


@dataclass(frozen=True)
class Source:
    """The replay and where it is."""

    url: str
    replay: Replay
    prices: Prices

    def commit(self, *faults: str) -> None:
        """Make these faults from now on."""
        self.replay.faults = Faults(faults)

    def list_only(self, *symbols: str) -> None:
        """Know these symbols only from now on."""
        left = {symbol: self.prices.places[symbol] for symbol in symbols}
        self.replay.routers = (FmpRouter(replace(self.prices, places=left)),)

    def client(self) -> FmpClient:
        return FmpClient(self.url, KEY, timeout=3, sleep=lambda _: None)

    def heal(self) -> None:
        """Be without faults, know all symbols and have seen no request."""
        self.commit()
        self.list_only(*self.prices.places)
        self.replay.kinds.clear()
        self.replay.symbols.clear()


@dataclass
class Workbench:
    """Jobs on one database and one source."""

    database: Postgres
    source: Source

    def run(self, name: str, *, day: date = DAY, last_attempt: bool = True, job: Job | None = None,
            environment: dict[str, str] | None = None, **asked: Any) -> ChunkResult:  # fmt: skip
        """Do every chunk of a job, in this process, and return what they came to."""
        job = job or registry().jobs[name]
        job = job.model_copy(update={"environment": {**job.environment, **(environment or {})}})
        run = JobRun(
            job=job, request=FundamentalsRequest(**asked), day=day, database=self.database,
            open_source=self.source.client, last_attempt=last_attempt,
        )  # fmt: skip
        module = import_job(job)
        return add_up([module.load_chunk(run, chunk) for chunk in module.plan_chunks(run)])

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows by key, each with the transaction that wrote it (`xmin`)."""
        key = KEYS.get(table, "symbol, date")
        return self.database.query(f"SELECT *, xmin::text FROM {table} ORDER BY {key}")

    def values(self, table: str) -> list[dict[str, Any]]:
        """Return all rows without when and by whom they were written."""
        return [
            {name: value for name, value in row.items() if name not in {"xmin", "updated_at"}}
            for row in self.rows(table)
        ]

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of every table, as `rows`."""
        return {table: self.rows(table) for table in TABLES}

    def all_values(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of every table, as `values`."""
        return {table: self.values(table) for table in TABLES}

    def count(self, table: str) -> int:
        return int(self.database.query(f"SELECT count(*) AS n FROM {table}")[0]["n"])

    def asked_for(self) -> int:
        """Return how many requests of prices the source has seen."""
        return self.source.replay.kinds["historical-price-eod"]


@pytest.fixture(scope="session")
def price_source() -> Iterator[Source]:
    """A replay of the recorded prices."""
    prices = load_prices()
    replay = create_app(prices)
    with running(replay) as url:
        yield Source(url, replay, prices)


@pytest.fixture(scope="session")
def postgres(stack: Stack) -> PostgresAddress:
    """The stack's PostgreSQL; the address is of a migrated database that nobody writes to."""
    server = fundamentals_address(stack.home, stack.supervisor.port("postgres"))
    name = f"template_{uuid.uuid4().hex[:8]}"
    with connect(replace(server, database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    migrate(replace(server, database=name))
    return replace(server, database=name)


@pytest.fixture
def bench(postgres: PostgresAddress, price_source: Source) -> Iterator[Workbench]:
    """An empty database and a source without faults."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    server = replace(postgres, database="postgres")
    with connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres.database}")
    price_source.heal()
    with Postgres(replace(postgres, database=name)) as database:
        yield Workbench(database, price_source)
    with connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def listed(bench: Workbench) -> Workbench:
    """The bench with the recorded symbols loaded."""
    bench.run("load_symbols")
    return bench
