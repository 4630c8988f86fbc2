"""`load_daily_prices`: what is missing of each symbol's daily prices, by the exchange's calendar, into `daily_prices`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from include.core import sessions
from include.fundamentals.config import CALENDAR
from include.fundamentals.outcomes import Outcomes
from include.fundamentals.run import Chunk, ChunkResult, JobRun
from include.fundamentals.spans import Held, Span, Window, is_restated, plan_span, plan_window
from include.fundamentals.statements import statement
from include.fundamentals.symbols import chunk_members, plan_symbols

if TYPE_CHECKING:
    import polars as pl

    from include.clients.fmp import FmpClient, SymbolPrices

log = logging.getLogger(__name__)
NEAR = timedelta(days=60)
"""So close to the newest prices that are held, others are compared with them."""


class Options(BaseModel):
    """The job's environment."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    history_years: Annotated[int, Field(ge=1, le=60)] = 5
    """How far back a new symbol's prices begin."""
    gap_days: Annotated[int, Field(ge=1, le=3660)] = 30
    """How far back gaps are looked for at each run, in calendar days."""
    max_jump: Annotated[float, Field(gt=1)] = 50.0
    """A close so many times above or below those around it is refused."""


@dataclass(frozen=True)
class Fetched:
    """One symbol's prices that passed, and what did not."""

    prices: pl.DataFrame
    result: ChunkResult


def plan_chunks(run: JobRun) -> list[Chunk]:
    """Return the symbols in chunks."""
    run.options(Options)
    return plan_symbols(run)


def load_chunk(run: JobRun, chunk: Chunk) -> ChunkResult:
    """Ask for what is missing of the chunk's symbols and load it in one transaction; return the counts."""
    import polars as pl

    options = run.options(Options)
    window = window_of(run, options)
    known = read_held(run, chunk_members(run, chunk), window)
    spans = {held.symbol: (held, span) for held in known if (span := plan_span(held, window))}
    newest = max((held.last for held in known if held.last), default=None)
    outcomes = Outcomes()
    frames: list[pl.DataFrame] = []
    result = ChunkResult(symbols=len(known), freshness=newest)
    if spans:
        source = run.open_source()
        calendar = sessions.sessions_between(
            CALENDAR, min(span.start for _, span in spans.values()), window.end
        )

        def ask(symbol: str) -> Fetched:
            return fetch_symbol(source, *spans[symbol], calendar=calendar, day=run.day, options=options)

        for _, fetched in outcomes.ask_each(spans, ask):
            frames.append(fetched.prices)
            result = result.add(fetched.result)
    if frames:
        result = result.add(write_prices(run, pl.concat(frames)))
    return outcomes.settle(run, result)


def window_of(run: JobRun, options: Options) -> Window:
    """Return the sessions that the run looks at."""
    days = {"history_years": options.history_years, "gap_days": options.gap_days}
    bare = plan_window(run.request, run.day, (), **days)
    found = sessions.sessions_between(CALENDAR, bare.start, bare.end)
    return plan_window(run.request, run.day, found, **days)


def read_held(run: JobRun, symbols: list[str], window: Window) -> list[Held]:
    """Return what the table has of each symbol."""
    params = {"symbols": symbols, "window_start": window.start, "window_end": window.end}
    return [
        Held(
            symbol=row["symbol"],
            first=row["first_date"],
            last=row["last_date"],
            closes=tuple(row["closes"] or ()),
            dates=frozenset(row["dates"] or ()),
        )
        for row in run.database.query(statement("select_held_prices"), params)
    ]


def fetch_symbol(
    source: FmpClient, held: Held, span: Span, *, calendar: Sequence[date], day: date, options: Options
) -> Fetched:
    """Return a symbol's prices of the span; all of its history where the source has adjusted it since."""
    from include.fundamentals.price_rules import judge_prices

    answer = source.fetch_prices(held.symbol, span.start, span.end)
    is_near = held.last is not None and held.last - span.start <= NEAR
    closes = held.closes if is_near else ()
    if held.first and held.first < span.start and _is_adjusted(answer, held):
        log.info(
            "%s: the source has adjusted its history; it is loaded anew from %s", held.symbol, held.first
        )
        calendar = sessions.sessions_between(CALENDAR, held.first, span.end)
        answer, closes = source.fetch_prices(held.symbol, held.first, span.end), ()
    good, reasons = judge_prices(
        answer.prices, last=day, sessions=calendar, closes=closes, max_jump=options.max_jump
    )
    result = count_answer(answer, good, reasons)
    result.empty_symbols = int(_has_nothing_new(held, span, result.freshness))
    return Fetched(good, result)


def _has_nothing_new(held: Held, span: Span, newest: date | None) -> bool:
    """Return whether newer sessions than the held ones were asked for, and none can be used."""
    if held.last is None:
        return newest is None
    return span.end > held.last and (newest is None or newest <= held.last)


def count_answer(answer: SymbolPrices, good: pl.DataFrame, reasons: dict[str, int]) -> ChunkResult:
    """Return the counts of one answer: what it had, what the client and the rules refused, and why."""
    faults = [fault for fault in answer.faults if fault.kind != "no_data"]
    refused: Counter[str] = Counter(fault.kind for fault in faults if fault.kind != "duplicate_date")
    unreadable = [fault for fault in faults if fault.kind in {"missing", "not_a_number"}]
    newest: Any = good["date"].max()
    return ChunkResult(
        total=answer.prices.height + len(faults),
        invalid=refused.total() + sum(reasons.values()),
        reasons={**refused, **reasons},
        missing_fields=dict(Counter(name for fault in unreadable for name in fault.fields)),
        duplicates=sum(fault.kind == "duplicate_date" for fault in faults),
        freshness=newest,
    )


def write_prices(run: JobRun, prices: pl.DataFrame) -> ChunkResult:
    """Write a chunk's prices in one transaction and return what changed."""
    from include.clients.postgres.upsert import upsert

    with run.database.connection() as connection:
        # averages that are being computed wait for these prices, or these for them: none is overlooked
        connection.execute("LOCK TABLE daily_prices IN ROW EXCLUSIVE MODE")
        done = upsert(connection, "daily_prices", prices)
    return ChunkResult(inserted=done.inserted, updated=done.updated, unchanged=done.unchanged)


def _is_adjusted(answer: SymbolPrices, held: Held) -> bool:
    """Return whether the close of the last day that is held is another one now."""
    import polars as pl

    same = answer.prices.filter(pl.col("date") == held.last)["close"]
    return bool(len(same) and held.closes and is_restated(held.closes[-1], same[0]))
