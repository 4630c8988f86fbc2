"""Read Yahoo's chart answer; nothing in it is repaired in silence."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl  # noqa: TID253 - this package is imported inside tasks, never at DAG parse

from include.clients.yahoo.decimals import shortest_decimal
from include.clients.yahoo.models import PRICES, SCHEMA, Asked, BarFault, SymbolBars
from include.core.errors import MalformedAnswer, RequestRefused, SymbolNotFound, WrongAnswer

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SAME_INTERVAL = {"60m": "1h"}


def error_description(body: bytes) -> tuple[str, str]:
    """Return Yahoo's (code, description) of an error answer; empty strings if it is not in their form."""
    try:
        error = json.loads(body)["chart"]["error"]
        return str(error["code"]), str(error["description"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", ""


def parse(body: bytes, asked: Asked) -> SymbolBars:
    """Return the bars of a 200 answer.

    Raises `MalformedAnswer`, `WrongAnswer` (another symbol, currency or interval), `SymbolNotFound`,
    `RequestRefused`.
    """
    result = _result(body, asked)
    try:
        meta = result["meta"]
        _check_meta(meta, asked)
        zone = ZoneInfo(meta["exchangeTimezoneName"])
        frame, faults = _bars(_columns(result, asked), asked, zone)
        first = meta.get("firstTradeDate")
        return SymbolBars(
            asked.symbol,
            asked.interval,
            frame,
            currency=str(meta["currency"]),
            exchange_timezone=zone.key,
            first_trade_date=None if first is None else _day(first, zone),
            faults=faults,
            splits=_splits(result, asked, zone),
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError, OSError) as error:
        raise _malformed(asked, f"{type(error).__name__}: {error}") from error


def _result(body: bytes, asked: Asked) -> dict[str, Any]:
    try:
        answer = json.loads(body)
        chart = answer["chart"]
        error, results = chart.get("error"), chart.get("result")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise _malformed(asked, f"not chart JSON, it begins {body[:40]!r}") from fault
    if error:
        code, description = error_description(body)
        if code == "Not Found":
            raise SymbolNotFound(f"{asked.symbol}: Yahoo does not know it ({description}).")
        raise RequestRefused(f"{asked.symbol}: Yahoo refused the request ({code}: {description}).")
    if not isinstance(results, list) or not results or not isinstance(results[0], dict):
        raise _malformed(asked, "there is neither a result nor an error in it")
    return results[0]


def _malformed(asked: Asked, reason: str) -> MalformedAnswer:
    return MalformedAnswer(f"{asked.symbol}: Yahoo's answer cannot be read ({reason}); it is tried again.")


def _check_meta(meta: dict[str, Any], asked: Asked) -> None:
    got = {"symbol": str(meta["symbol"]).upper(), "interval": meta.get("dataGranularity") or asked.interval}
    wanted = {"symbol": asked.symbol.upper(), "interval": asked.interval}
    if not isinstance(meta["currency"], str):
        raise TypeError("the answer has no currency")
    if asked.currency is not None:
        got["currency"], wanted["currency"] = meta["currency"], asked.currency
    for what, value in wanted.items():
        if _SAME_INTERVAL.get(got[what], got[what]) != _SAME_INTERVAL.get(value, value):
            raise WrongAnswer(
                f"{asked.symbol}: asked for {what} {value}, Yahoo answered for {got[what]}; nothing of the "
                "answer is used. Look the symbol up at Yahoo: it may have been renamed or moved."
            )


def _columns(result: dict[str, Any], asked: Asked) -> pl.DataFrame:
    """Return the answer's lists as a frame: `epoch`, prices, adjusted_close, volume; all may be null."""
    stamps = result.get("timestamp") or []
    quote = result["indicators"]["quote"][0] or {}
    if not stamps and any(quote.values()):
        raise ValueError("there are prices without timestamps")
    adjusted = [None] * len(stamps)
    blocks = result["indicators"].get("adjclose")
    if blocks and blocks[0].get("adjclose"):
        # the strings "Infinity" and "NaN" have been seen there: as good as missing
        adjusted = [None if isinstance(value, str) else value for value in blocks[0]["adjclose"]]
    elif asked.intraday:
        adjusted = quote.get("close") or []
    values = {"epoch": stamps, **{name: quote.get(name) or [] for name in (*PRICES, "volume")}}
    lengths = {name: len(column) for name, column in (values | {"adjusted_close": adjusted}).items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"its lists differ in length: {lengths}")
    kinds = {"epoch": pl.Int64(), **SCHEMA}
    columns = [pl.Series(name, column, kinds[name]) for name, column in values.items()]
    frame = pl.DataFrame([*columns, pl.Series("adjusted_close", adjusted, pl.Float64())])
    if frame["epoch"].null_count():
        raise ValueError("a timestamp is null")
    return frame


def _bars(frame: pl.DataFrame, asked: Asked, zone: ZoneInfo) -> tuple[pl.DataFrame, list[BarFault]]:
    """Return the whole bars of the asked days, as they came, and the faults of the answer."""
    symbol = pl.lit(asked.symbol).alias("symbol")
    dated = frame.select(symbol, *_dated(asked.start, asked.end, asked.window, asked.intraday, zone.key))
    faults = []
    if dated["outside"].any():
        detail = "a bar outside the asked days was answered and is left out"
        stamps = dated.filter("outside")["timestamp"]
        faults += [BarFault("outside_range", detail, stamp) for stamp in stamps]
    if not dated["asked"].all():
        dated = dated.filter("asked")
    if not dated["whole"].all():
        faults += [_lost(row) for row in dated.filter(~pl.col("whole")).iter_rows(named=True)]
        dated = dated.filter("whole")
    bars = dated[list(SCHEMA)]
    return bars, faults + _order_faults(bars) + _adjustment_faults(bars)


@lru_cache(maxsize=64)  # one range for all symbols of a run: building them anew costs as much as using them
def _dated(start: date, end: date, window: tuple[int, int], intraday: bool, zone: str) -> tuple[pl.Expr, ...]:
    """Return the columns of `SCHEMA` but symbol, and what to keep: `outside`, `asked`, `whole`."""
    epoch = pl.col("epoch")
    instant = pl.from_epoch("epoch", "s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    session = instant.dt.convert_time_zone(zone).dt.date()
    midnight = session.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    numbers = [pl.col(name) for name in (*PRICES, "adjusted_close")]
    first, after = window
    return (
        (instant if intraday else midnight).alias("timestamp"),
        *(pl.when(number.is_finite()).then(shortest_decimal(number)) for number in numbers),
        pl.col("volume"),
        ((epoch < first) | (epoch >= after)).alias("outside"),
        session.is_between(start, end).alias("asked"),
        pl.all_horizontal(*(pl.col(name).is_finite() for name in PRICES), pl.col("volume").is_not_null())
        .fill_null(False)
        .alias("whole"),
    )


def _lost(row: dict[str, Any]) -> BarFault:
    missing = [name for name in PRICES if row[name] is None]
    if missing:
        detail = f"{', '.join(missing)} is null, so the bar is left out"
        return BarFault("prices_missing", detail, row["timestamp"])
    return BarFault("volume_missing", "volume is null, so the bar is left out", row["timestamp"])


def _order_faults(bars: pl.DataFrame) -> list[BarFault]:
    stamps = bars["timestamp"]
    if stamps.is_sorted() and stamps.n_unique() == len(stamps):
        return []
    counts = bars.group_by("timestamp").len().filter(pl.col("len") > 1).sort("timestamp")
    faults = [
        BarFault("duplicate_timestamp", f"{count} bars have this timestamp", stamp)
        for stamp, count in counts.iter_rows()
    ]
    if not stamps.is_sorted():
        faults.append(BarFault("unsorted", "the bars are not in order of time"))
    return faults


def _adjustment_faults(bars: pl.DataFrame) -> list[BarFault]:
    missing = bars["adjusted_close"].null_count()
    if not missing:
        return []
    if missing == bars.height:
        return [BarFault("adjusted_close_missing", "no bar has an adjusted close")]
    stamps = bars.filter(pl.col("adjusted_close").is_null())["timestamp"]
    return [BarFault("adjusted_close_missing", "the adjusted close is null", stamp) for stamp in stamps]


def _splits(result: dict[str, Any], asked: Asked, zone: ZoneInfo) -> list[tuple[date, float]]:
    events = (result.get("events") or {}).get("splits") or {}
    found = [
        (_day(e["date"], zone), float(e["numerator"]) / float(e["denominator"])) for e in events.values()
    ]
    return sorted(split for split in found if asked.start <= split[0] <= asked.end)


def _day(epoch: float, zone: ZoneInfo) -> date:
    return (_EPOCH + timedelta(seconds=epoch)).astimezone(zone).date()
