"""`load_symbols`: the common stock of the exchanges, as the source's screener has it, into `symbols`.

One chunk, one transaction: a symbol that moves from one exchange to another is not missed by the first meanwhile.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from include.core.errors import TerminalError
from include.fundamentals.common_stock import refuse
from include.fundamentals.run import Chunk, ChunkResult, JobRun
from include.fundamentals.statements import statement

if TYPE_CHECKING:
    import polars as pl

    from include.clients.fmp import Listing


class ScreenerTooShort(TerminalError):
    """The screener listed suspiciously few common stocks of an exchange; to delist the others would be wrong."""


def _names(text: object) -> object:
    return [name.strip() for name in text.split(",") if name.strip()] if isinstance(text, str) else text


class Options(BaseModel):
    """The job's environment."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    exchanges: Annotated[list[str], BeforeValidator(_names), Field(min_length=1)]
    """Exchanges to ask for, parted by commas."""
    min_known_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of an exchange's known symbols that the screener must list at least; else nothing is changed."""


def plan_chunks(run: JobRun) -> list[Chunk]:
    """Return the one chunk: all exchanges."""
    exchanges = run.options(Options).exchanges
    return [Chunk(first=exchanges[0], last=exchanges[-1], count=len(exchanges))]


def load_chunk(run: JobRun, chunk: Chunk) -> ChunkResult:  # noqa: ARG001 - there is but one
    """Load what is listed; symbols that are listed no more become inactive. Return the counts."""
    import polars as pl

    from include.clients.postgres.upsert import upsert

    options, source = run.options(Options), run.open_source()
    stocks: dict[str, Listing] = {}
    reasons: Counter[str] = Counter()
    result, per_exchange = ChunkResult(), Counter[str]()
    for exchange in options.exchanges:
        listed = source.list_symbols(exchange)
        result.total += len(listed) + len(listed.faults)
        for fault in listed.faults:
            if fault.kind == "duplicate_symbol":
                result.duplicates += 1
            else:
                reasons[fault.kind] += 1
                result.invalid += 1
        for listing in listed:
            if reason := refuse(listing):
                reasons[f"not_common_{reason}"] += 1
            elif listing.symbol in stocks:
                result.duplicates += 1
            else:
                stocks[listing.symbol] = listing
                per_exchange[exchange] += 1
    refuse_short_answers(options, per_exchange, _known(run))
    frame = pl.DataFrame([_row(listing) for listing in stocks.values()], schema=_schema())
    with run.database.connection() as connection:
        done = upsert(connection, "symbols", frame)
        delisted = connection.execute(
            statement("update_delisted"),
            {"listed": list(stocks), "exchanges": options.exchanges, "day": run.day},
        ).rowcount
    result.symbols, result.reasons = len(stocks), dict(reasons)
    result.reasons |= {"delisted": delisted} if delisted else {}
    result.missing_fields = {
        name: frame[name].null_count()
        for name in ("name", "sector", "industry", "market_cap")
        if frame[name].null_count()
    }
    result.freshness = run.day
    result.inserted, result.updated, result.unchanged = done.inserted, done.updated + delisted, done.unchanged
    return result


def refuse_short_answers(options: Options, found: Counter[str], known: dict[str, int]) -> None:
    """Raise `ScreenerTooShort` where an exchange has far fewer common stocks than are known, or none has any.

    An empty list has been refused by the client (`EmptyAnswer`).
    """
    for exchange in options.exchanges:
        least = options.min_known_share * known.get(exchange, 0)
        if found[exchange] < least or not found:
            raise ScreenerTooShort(
                f"The screener lists {found[exchange]} common stocks of {exchange}, where {known.get(exchange, 0)} are "
                f"known as active; less than {least:.0f} is taken for a fault of the source. Nothing was "
                "changed. If it is right, lower min_known_share of load_symbols in jobs.yaml for one run."
            )


def _known(run: JobRun) -> dict[str, int]:
    return {row["exchange"]: row["known"] for row in run.database.query(statement("select_known"))}


def _row(listing: Listing) -> dict[str, Any]:
    names = ("symbol", "name", "exchange", "sector", "industry", "market_cap")
    return {**{name: getattr(listing, name) for name in names}, "is_active": True, "delisted_at": None}


def _schema() -> dict[str, pl.DataType]:
    import polars as pl

    texts: dict[str, Any] = dict.fromkeys(("symbol", "name", "exchange", "sector", "industry"), pl.String())
    return {**texts, "market_cap": pl.Float64(), "is_active": pl.Boolean(), "delisted_at": pl.Date()}
