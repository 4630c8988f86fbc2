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

    from include.clients.fmp import FmpClient, Listing


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

    options = run.options(Options)
    stocks, result = list_stocks(run.open_source(), options.exchanges)
    refuse_short_answers(options, Counter(stock.exchange for stock in stocks.values()), _known(run))
    frame = pl.DataFrame([_row(listing) for listing in stocks.values()], schema=_schema())
    with run.database.connection() as connection:
        done = upsert(connection, "symbols", frame)
        delisted = connection.execute(
            statement("update_delisted"),
            {"listed": list(stocks), "exchanges": options.exchanges, "day": run.day},
        ).rowcount
    counted = ("name", "sector", "industry", "market_cap")
    missing = {name: count for name in counted if (count := frame[name].null_count())}
    return result.add(
        ChunkResult(
            symbols=len(stocks),
            reasons={"delisted": delisted} if delisted else {},
            missing_fields=missing,
            freshness=run.day,
            inserted=done.inserted,
            updated=done.updated + delisted,
            unchanged=done.unchanged,
        )
    )


def list_stocks(source: FmpClient, exchanges: list[str]) -> tuple[dict[str, Listing], ChunkResult]:
    """Return the common stocks by symbol, and what was listed beside them with the reasons."""
    stocks: dict[str, Listing] = {}
    reasons: Counter[str] = Counter()
    total = duplicates = invalid = 0
    for exchange in exchanges:
        listed = source.list_symbols(exchange)
        total += len(listed) + len(listed.faults)
        kinds = Counter(fault.kind for fault in listed.faults)
        duplicates += kinds.pop("duplicate_symbol", 0)
        invalid += kinds.total()
        reasons.update(kinds)
        for listing in listed:
            if reason := refuse(listing):
                reasons[f"not_common_{reason}"] += 1
            elif listing.symbol in stocks:
                duplicates += 1
            else:
                stocks[listing.symbol] = listing
    return stocks, ChunkResult(total=total, invalid=invalid, duplicates=duplicates, reasons=dict(reasons))


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
