"""Read the answers of Financial Modeling Prep; nothing in them is repaired in silence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import polars as pl  # noqa: TID253 - this package is imported inside tasks, never at DAG parse
from pydantic import ValidationError

from include.clients.fmp.models import (
    PRICES,
    RATIOS,
    SCHEMA,
    Fault,
    FaultKind,
    Listing,
    Listings,
    Ratios,
    SymbolPrices,
    finite,
)
from include.core.errors import MalformedAnswer, WrongAnswer

MAX_PRICE = 1e10
"""Above this no price is believed. Adjusted for reverse splits, real old prices go beyond a thousand million."""
MAX_VOLUME = 1e15
_NUMBERS = (*PRICES, "volume")


def read_entries(body: bytes, about: str) -> list[dict[str, Any]]:
    """Return the answer's list of objects; raise `MalformedAnswer` for anything else."""
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _malformed(about, f"no JSON, it begins {body[:40]!r}") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _malformed(about, "no list of objects")
    return entries


def parse_prices(entries: Sequence[dict[str, Any]], symbol: str, start: date, end: date) -> SymbolPrices:
    """Return the prices of an answer for the days asked; raise `WrongAnswer` where it is about another symbol."""
    if not entries:
        return SymbolPrices(
            symbol, pl.DataFrame(schema=SCHEMA), [Fault("no_data", f"no prices from {start} to {end}")]
        )
    _check_symbol(entries, symbol)
    frame, faults = _readable(entries, symbol)
    judged = frame.with_columns(reason=_reason(start, end))
    if judged["reason"].null_count() < judged.height:
        faults += [
            _refused(row) for row in judged.filter(pl.col("reason").is_not_null()).iter_rows(named=True)
        ]
    kept = judged.filter(pl.col("reason").is_null()).select(
        "symbol", "date", *PRICES, pl.col("volume").round().cast(pl.Int64)
    )
    if not kept["date"].is_unique().all():
        kept, doubled = _single(kept)
        faults += doubled
    return SymbolPrices(symbol, kept.sort("date"), faults)


def parse_listings(entries: Sequence[dict[str, Any]], exchange: str) -> Listings:
    """Return the listings of one exchange; the first entry of a symbol counts, others are faults."""
    found: dict[str, Listing] = {}
    faults = []
    for entry in entries:
        try:
            listing = Listing.model_validate(entry)
        except ValidationError as error:
            faults.append(_malformed_entry(entry, error))
            continue
        if listing.exchange != exchange:
            faults.append(
                Fault("wrong_exchange", f"it is listed at {listing.exchange}", symbol=listing.symbol)
            )
        elif listing.symbol in found:
            faults.append(Fault("duplicate_symbol", "the symbol was listed before", symbol=listing.symbol))
        else:
            found[listing.symbol] = listing
    if entries and not found:
        raise _malformed(
            exchange, f"none of its {len(entries)} entries can be used, the first: {faults[0].detail}"
        )
    return Listings(list(found.values()), faults)


def parse_ratios(entries: Sequence[dict[str, Any]], symbol: str) -> Ratios:
    """Return a company's ratios; what is no finite number becomes None with a fault."""
    if not entries:
        return Ratios(symbol=symbol, faults=[Fault("no_data", "no ratios")])
    _check_symbol(entries, symbol)
    faults = []
    if len(entries) > 1:
        faults.append(Fault("duplicate_symbol", f"{len(entries)} entries, the first is used", symbol=symbol))
    values: dict[str, float | None] = {}
    for ours, theirs in RATIOS.items():
        value = entries[0].get(theirs)
        values[ours] = finite(value)
        if value is None:
            faults.append(Fault("missing", f"{theirs} is missing", fields=(ours,)))
        elif values[ours] is None:
            faults.append(Fault("not_a_number", f"{theirs} is {str(value)[:20]!r}", fields=(ours,)))
    return Ratios(symbol=symbol, faults=faults, **values)


def _check_symbol(entries: Sequence[dict[str, Any]], symbol: str) -> None:
    others = {str(entry["symbol"]) for entry in entries if entry.get("symbol")} - {symbol}
    if others:
        raise WrongAnswer(
            f"{symbol}: FMP answered for {', '.join(sorted(others)[:3])}; nothing of the answer is used. Look "
            "the symbol up at FMP: it may have been renamed."
        )


def _readable(entries: Sequence[dict[str, Any]], symbol: str) -> tuple[pl.DataFrame, list[Fault]]:
    """Return the rows that have a date and five numbers, the volume still with a fraction; and the others' faults."""
    days = pl.Series([str(entry.get("date")) for entry in entries])
    frame = pl.DataFrame(
        [
            pl.Series("symbol", [symbol] * len(entries)),
            days.str.to_date("%Y-%m-%d", strict=False).alias("date"),
            *(_column(entries, name) for name in _NUMBERS),
        ]
    )
    whole = frame.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
    if whole.all():
        return frame, []
    rows = frame.with_row_index("_at").filter(~whole).iter_rows(named=True)
    return frame.filter(whole), [_unreadable(entries[row["_at"]], row) for row in rows]


def _column(entries: Sequence[dict[str, Any]], name: str) -> pl.Series:
    """Return one field of all rows as finite numbers or null."""
    values = [entry.get(name) for entry in entries]
    try:
        column = pl.Series(name, values, pl.Float64)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, [finite(value) for value in values], pl.Float64)
    if column.is_finite().all():
        return column
    return pl.Series(name, [finite(value) for value in values], pl.Float64)


@lru_cache(maxsize=64)  # few spans for all symbols of a run
def _reason(start: date, end: date) -> pl.Expr:
    """Return why a row of numbers is refused, as a fault's kind; null: it is not."""
    low, high = pl.min_horizontal(*PRICES), pl.max_horizontal(*PRICES)
    return (
        pl.when(~pl.col("date").is_between(start, end))
        .then(pl.lit("outside_range"))
        .when(low <= 0)
        .then(pl.lit("negative_price"))
        .when(high > MAX_PRICE)
        .then(pl.lit("absurd_price"))
        .when(pl.col("volume") < 0)
        .then(pl.lit("negative_volume"))
        .when(pl.col("volume") > MAX_VOLUME)
        .then(pl.lit("absurd_volume"))
        .when(pl.col("high") < pl.col("low"))
        .then(pl.lit("high_below_low"))
    )


def _refused(row: dict[str, Any]) -> Fault:
    kind: FaultKind = row["reason"]
    fields = {"negative_volume": ("volume",), "absurd_volume": ("volume",), "high_below_low": ("high", "low")}
    detail = ", ".join(f"{name} {row[name]:g}" for name in _NUMBERS)
    return Fault(
        kind, detail, row["date"], fields=fields.get(kind, () if kind == "outside_range" else PRICES)
    )


def _unreadable(entry: dict[str, Any], row: dict[str, Any]) -> Fault:
    """Return the fault of a row that lacks a date or a number."""
    bad = tuple(name for name in ("date", *_NUMBERS) if row[name] is None)
    detail = ", ".join(f"{name} is {str(entry.get(name))[:20]!r}" for name in bad)
    if "date" in bad:
        return Fault("bad_date", detail, fields=bad)
    absent = all(entry.get(name) is None for name in bad)
    return Fault("missing" if absent else "not_a_number", detail, row["date"], fields=bad)


def _single(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[Fault]]:
    """Return the rows of days that have one, or the same one several times; a fault for each other row."""
    distinct = rows.unique(maintain_order=True)
    unclear = distinct.filter(pl.col("date").is_duplicated())["date"].unique()
    counts = rows.filter(pl.col("date").is_duplicated()).group_by("date").len().sort("date")
    faults = []
    for day, count in counts.iter_rows():
        differ = day in unclear
        detail = f"{count} rows that differ, none is used" if differ else f"{count} equal rows, one is used"
        faults += [Fault("duplicate_date", detail, day)] * (count if differ else count - 1)
    return distinct.filter(~pl.col("date").is_in(unclear.implode())), faults


def _malformed_entry(entry: dict[str, Any], error: ValidationError) -> Fault:
    fields = tuple(sorted({str(fault["loc"][0]) for fault in error.errors()}))
    return Fault(
        "malformed_entry",
        f"{', '.join(fields)} cannot be read",
        symbol=str(entry.get("symbol"))[:20],
        fields=fields,
    )


def _malformed(about: str, reason: str) -> MalformedAnswer:
    return MalformedAnswer(f"{about}: FMP's answer cannot be read ({reason}); it is tried again.")
