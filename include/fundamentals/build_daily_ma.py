"""`build_daily_ma`: simple moving averages of closes over 20, 50, 100 and 200 sessions, of what changed, into `daily_ma`."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from include.fundamentals.run import Chunk, ChunkResult, JobRun
from include.fundamentals.statements import statement
from include.fundamentals.symbols import chunk_members, plan_symbols

if TYPE_CHECKING:
    import polars as pl

    from include.clients.postgres import Connection


class Options(BaseModel):
    """The job's environment: nothing can be set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def plan_chunks(run: JobRun) -> list[Chunk]:
    """Return the symbols in chunks, delisted ones too: a price of theirs may have been corrected."""
    run.options(Options)
    return plan_symbols(run, active_only=False)


def load_chunk(run: JobRun, chunk: Chunk) -> ChunkResult:
    """Compute and write the averages of the chunk's symbols from the first changed day on; return the counts."""
    import polars as pl

    from include.clients.postgres.upsert import upsert
    from include.fundamentals.daily_ma import changed_ma

    symbols = chunk_members(run, chunk, active_only=False)
    with run.database.connection() as connection:
        # prices that are being written are waited for, and new ones wait: none is overlooked
        connection.execute("LOCK TABLE daily_prices IN SHARE MODE")
        params = {"symbols": symbols, "force": run.request.force}
        rows = connection.execute(statement("select_changed_prices"), params).fetchall()
        if not rows:
            held = connection.execute(statement("select_newest_ma")).fetchall()
            return ChunkResult(symbols=len(symbols), freshness=held[0]["newest"])
        changed = pl.DataFrame(rows, schema={"symbol": pl.String(), "date": pl.Date()})
        averages = changed_ma(read_closes(connection, changed), changed)
        done = upsert(connection, "daily_ma", averages)
        connection.execute(statement("update_confirmed_ma"), {"symbols": changed["symbol"].to_list()})
    newest = averages["date"].max()
    return ChunkResult(
        symbols=len(symbols),
        total=averages.height,
        freshness=newest,  # type: ignore[arg-type]
        inserted=done.inserted,
        updated=done.updated,
        unchanged=done.unchanged,
    )


def read_closes(connection: Connection, changed: pl.DataFrame) -> pl.DataFrame:
    """Return the closes that the averages need, by symbol and date; as text, which keeps every digit of a double."""
    import polars as pl

    from include.fundamentals.daily_ma import LOOKBACK

    params = {
        "symbols": changed["symbol"].to_list(),
        "changed": changed["date"].to_list(),
        "reach": LOOKBACK,
    }
    text = BytesIO()
    with connection.cursor().copy(statement("copy_closes"), params) as copy:
        for part in copy:
            text.write(part)
    text.seek(0)
    schema = {"symbol": pl.String(), "date": pl.Date(), "close": pl.Float64()}
    return pl.read_csv(text, schema=schema)
