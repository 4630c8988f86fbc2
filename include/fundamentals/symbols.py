"""Which symbols a job works on."""

from __future__ import annotations

from include.clients.postgres import Postgres
from include.core.errors import InvalidRequest, TerminalError
from include.fundamentals.run import Chunk, JobRun, chunk_symbols
from include.fundamentals.statements import statement


class NoSymbols(TerminalError):
    """The table symbols has no symbol to work on."""


def plan_symbols(run: JobRun, *, active_only: bool = True) -> list[Chunk]:
    """Return the symbols that are asked for in chunks: all active ones (or all known), or those of the request.

    Raises `InvalidRequest` for a symbol that is not in the table, and `NoSymbols` where it is empty.
    """
    asked = run.request.symbols
    found = read_symbols(run.database, asked or None, active_only=active_only and not asked)
    if unknown := sorted(set(asked) - set(found)):
        raise InvalidRequest(
            [
                f"symbols: {name} is not in the table symbols; is it spelled right, has load_symbols run?"
                for name in unknown
            ]
        )
    if not found:
        raise NoSymbols(
            f"The table symbols has no {'active ' if active_only else ''}symbol, so {run.job.name} has nothing to "
            "do. Run load_symbols first: fundamentals_weekly, or fundamentals_manual with this job."
        )
    return chunk_symbols(found, run.max_chunks)


def chunk_members(run: JobRun, chunk: Chunk, *, active_only: bool = True) -> list[str]:
    """Return the symbols of a chunk as they are now."""
    asked = run.request.symbols
    return read_symbols(run.database, asked or None, active_only=active_only and not asked, chunk=chunk)


def read_symbols(
    database: Postgres, symbols: list[str] | None, *, active_only: bool, chunk: Chunk | None = None
) -> list[str]:
    """Return the symbols of the table, by name; only those of `symbols` and of the chunk, where these are given."""
    params = {
        "symbols": symbols,
        "active_only": active_only,
        "first": chunk.first if chunk else None,
        "last": chunk.last if chunk else None,
    }
    return [row["symbol"] for row in database.query(statement("select_symbols"), params)]
