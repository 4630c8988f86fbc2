"""What a run will do, worked out before anything is written: days, symbols, chunks, keys."""

from __future__ import annotations

import math
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta
from pydantic import BaseModel, ConfigDict

from include.clients.object_store import ObjectStore
from include.core import sessions
from include.core.keys import BatchFiles, key_of
from include.prices.config import CALENDAR, PricesRequest
from include.prices.universe import Universe

MAX_CHUNK = 200
CHUNKS_AIM = 100
"""A task costs Airflow a quarter second: so many tasks are enough to keep the workers busy."""
_BACK = {
    "1mo": relativedelta(months=1),
    "3mo": relativedelta(months=3),
    "6mo": relativedelta(months=6),
    "1y": relativedelta(years=1),
    "2y": relativedelta(years=2),
    "5y": relativedelta(years=5),
    "10y": relativedelta(years=10),
}


class Chunk(BaseModel):
    """The symbols of one extract task."""

    model_config = ConfigDict(frozen=True)

    index: int
    symbols: list[str]

    @property
    def label(self) -> str:
        """What the UI shows for the task: `0003 AAPL…MSFT (5)`."""
        ends = self.symbols[0] if len(self.symbols) == 1 else f"{self.symbols[0]}…{self.symbols[-1]}"
        return f"{self.index:04d} {ends} ({len(self.symbols)})"


class Plan(BaseModel):
    """A run's plan; kept in RAW so that every retry works on the same one."""

    model_config = ConfigDict(frozen=True)

    batch_id: str
    """Also the run's idempotency key: `{domain}:{table_name}:{ds}:{correlation_id}`."""
    correlation_id: str
    ds: date
    """The run's session day."""
    start: date
    end: date
    """Included."""
    request: PricesRequest
    universe_source: str
    chunks: list[Chunk]

    @property
    def symbols(self) -> list[str]:
        """All symbols of the run."""
        return [symbol for chunk in self.chunks for symbol in chunk.symbols]

    @property
    def files(self) -> BatchFiles:
        """Keys of the run's working papers."""
        return BatchFiles(self.batch_id)

    def session_days(self) -> list[date]:
        """The session days asked for, oldest first."""
        return sessions.sessions_between(CALENDAR, self.start, self.end)


def plan_run(
    request: PricesRequest, universe: Universe, *, session: date, correlation_id: str, max_map_length: int
) -> Plan:
    """Return the plan of a run for the session day `session`."""
    end = request.end or session
    ds = sessions.session_on_or_before(CALENDAR, end)
    size = chunk_size(len(universe.symbols), request.override_config.chunk_size, max_map_length)
    symbols = universe.symbols
    return Plan(
        batch_id=f"{request.domain}:{request.table_name}:{ds}:{correlation_id}",
        correlation_id=correlation_id,
        ds=ds,
        start=request.start or first_day(request.period, ds),
        end=end,
        request=request,
        universe_source=universe.source,
        chunks=[
            Chunk(index=index, symbols=symbols[first : first + size])
            for index, first in enumerate(range(0, len(symbols), size))
        ],
    )


def read_plan(raw: ObjectStore, uri: str) -> Plan:
    """Return the plan at `s3://bucket/key` of the RAW bucket."""
    return Plan.model_validate_json(raw.read(key_of(uri)))


def chunk_size(symbols: int, asked: int, max_map_length: int) -> int:
    """Return the symbols a task: as asked (seed 001: 5), but more for a big universe.

    Never so few that there are more than `max_map_length` tasks (Airflow fails the run then), and, up to
    200 a task, never so few that there are more than about 100 tasks.
    """
    aim = min(MAX_CHUNK, math.ceil(symbols / CHUNKS_AIM))
    return max(asked, aim, math.ceil(symbols / max_map_length))


def first_day(period: str, ds: date) -> date:
    """Return the first day of a period that ends on the session day `ds`.

    1d and 5d count sessions, the others calendar months and years; `max` begins where the calendar does.
    """
    if period == "max":
        return sessions.FIRST_DAY
    if period == "ytd":
        return ds.replace(month=1, day=1)
    if period in _BACK:
        return ds - _BACK[period]
    wanted = int(period.removesuffix("d"))
    return sessions.sessions_between(CALENDAR, ds - timedelta(days=wanted * 2 + 10), ds)[-wanted]


def describe(plan: Plan) -> str:
    """Return what `dry_run` shows: chunks, keys and requests."""
    days = plan.session_days()
    request = plan.request
    table = request.raw_table
    example = table.object_key(
        plan.ds,
        plan.symbols[0],
        file_format=request.file_format,
        compressed=request.compression == "gzip",
    )
    minutes = len(plan.symbols) / request.override_config.rate_limit_per_minute
    lines = [
        f"Plan of {plan.batch_id}",
        f"  symbols   {len(plan.symbols)} from {plan.universe_source}",
        f"  days      {len(days)} sessions, {plan.start} to {plan.end}; run's session day {plan.ds}",
        f"  requests  {len(plan.symbols)} (one a symbol), about {minutes:.1f} min at "
        f"{request.override_config.rate_limit_per_minute} a minute",
        f"  objects   up to {len(plan.symbols) * len(days)}, like {example}",
        f"  manifests {len(days)}, the run's own last: {table.manifest_key(plan.ds)}",
        f"  curated   {table.curated.part_key(plan.ds)} and so on, one a day",
        f"  chunks    {len(plan.chunks)}",
    ]
    lines += [f"    {chunk.label}: {', '.join(chunk.symbols)}" for chunk in plan.chunks]
    return "\n".join(lines)
