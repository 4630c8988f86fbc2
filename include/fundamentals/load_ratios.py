"""`load_ratios`: each symbol's ratios of the trailing twelve months, as of the run's day, into `ratios`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from include.fundamentals.outcomes import Outcomes
from include.fundamentals.run import Chunk, ChunkResult, JobRun
from include.fundamentals.statements import statement
from include.fundamentals.symbols import chunk_members, plan_symbols

if TYPE_CHECKING:
    from include.clients.fmp import Ratios


class Options(BaseModel):
    """The job's environment: nothing can be set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def plan_chunks(run: JobRun) -> list[Chunk]:
    """Return the symbols in chunks."""
    run.options(Options)
    return plan_symbols(run)


def load_chunk(run: JobRun, chunk: Chunk) -> ChunkResult:
    """Ask for the chunk's symbols that have no ratios of the day and load them in one transaction; return the counts."""
    symbols = chunk_members(run, chunk)
    outcomes = Outcomes()
    found: list[Ratios] = []
    result = ChunkResult(symbols=len(symbols), freshness=run.day)
    if not run.request.force:
        params = {"symbols": symbols, "as_of": run.day}
        rows = run.database.query(statement("select_missing_ratios"), params)
        symbols = [row["symbol"] for row in rows]
    if symbols:
        for _, ratios in outcomes.ask_each(symbols, run.open_source().fetch_ratios):
            result = result.add(count_ratios(ratios))
            if not ratios.empty:
                found.append(ratios)
    if found:
        result = result.add(write_ratios(run, found))
    return outcomes.settle(run, result)


def count_ratios(ratios: Ratios) -> ChunkResult:
    """Return the counts of one answer: a ratio that is no finite number is missing, the others are kept."""
    from include.clients.fmp import RATIOS

    if ratios.empty:
        return ChunkResult(empty_symbols=1)
    reasons: Counter[str] = Counter(fault.kind for fault in ratios.faults)
    missing = dict.fromkeys((name for name in RATIOS if getattr(ratios, name) is None), 1)
    return ChunkResult(total=1, missing_fields=missing, reasons=dict(reasons))


def write_ratios(run: JobRun, found: list[Ratios]) -> ChunkResult:
    """Write a chunk's ratios in one transaction and return what changed."""
    import polars as pl

    from include.clients.fmp import RATIOS
    from include.clients.postgres.upsert import upsert

    schema: dict[str, Any] = {
        "symbol": pl.String(), "as_of": pl.Date(), **dict.fromkeys(RATIOS, pl.Float64()),
    }  # fmt: skip
    rows = [
        {"as_of": run.day, **{name: getattr(ratios, name) for name in ("symbol", *RATIOS)}}
        for ratios in found
    ]
    with run.database.connection() as connection:
        done = upsert(connection, "ratios", pl.DataFrame(rows, schema=schema))
    return ChunkResult(inserted=done.inserted, updated=done.updated, unchanged=done.unchanged)
