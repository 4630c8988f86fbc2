"""Which functions of Athena's SQL the local one answers rightly; every other one is refused by name.

A function that DuckDB or sqlglot understands otherwise would give wrong results without a sign.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from devstack.aws.athena.errors import QueryFailed, position, unsupported

_RIGHT: tuple[type[Any], ...] = (
    # no functions to Athena
    exp.And, exp.Or, exp.Xor, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.Coalesce, exp.Nullif, exp.Exists,
    exp.Anonymous, exp.Array, exp.DPipe, exp.Concat,
    # aggregates
    exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.ArgMax, exp.ArgMin, exp.ApproxQuantile,
    exp.ApproxDistinct, exp.AnyValue, exp.ArrayAgg, exp.LogicalAnd, exp.LogicalOr, exp.Stddev, exp.StddevPop,
    exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr,
    # windows
    exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
    exp.NthValue, exp.PercentRank, exp.CumeDist,
    # numbers
    exp.Abs, exp.Ceil, exp.Floor, exp.Round, exp.Sqrt, exp.Pow, exp.Exp, exp.Ln, exp.Sign, exp.Greatest, exp.Least,
    # instants
    exp.UnixToTime, exp.TimeToUnix, exp.TimestampTrunc, exp.DateTrunc, exp.DateDiff, exp.DateAdd, exp.TimeToStr,
    exp.CurrentDate, exp.CurrentTimestamp, exp.Year, exp.Month, exp.Day, exp.Hour, exp.Minute, exp.Second,
    exp.DayOfWeekIso, exp.DayOfYear, exp.Extract, exp.Date, exp.FromISO8601Timestamp,
    # texts and arrays
    exp.Lower, exp.Upper, exp.Length, exp.Trim, exp.Substring, exp.Replace, exp.StrPosition, exp.SplitPart,
    exp.StartsWith, exp.RegexpLike, exp.ArraySize, exp.ArrayContains,
)  # fmt: skip
_KNOWN_TO_ATHENA = (
    "format_datetime", "at_timezone", "map_agg", "histogram", "multimap_agg", "from_iso8601_date", "to_iso8601",
    "parse_datetime", "transform", "filter", "reduce", "zip_with", "url_extract_host", "to_hex", "from_hex", "md5",
    "with_timezone", "timezone_hour", "approx_set", "merge", "numeric_histogram", "human_readable_seconds",
)  # fmt: skip


def check_functions(tree: Any, sql: str) -> None:
    """Fail the query at the first function that would not be answered as in Athena."""
    for node in tree.walk():
        if isinstance(node, exp.Anonymous):
            name = node.name.lower()
            if name in _KNOWN_TO_ATHENA:
                raise unsupported(f"function {name}")
            place = position(sql, node.meta["start"]) if "start" in node.meta else ""
            raise QueryFailed(f"FUNCTION_NOT_FOUND: {place}Function '{name}' not registered")
        if isinstance(node, exp.Func) and not isinstance(node, _RIGHT):
            raise unsupported(f"function {node.sql_name().lower()}")
        if isinstance(node, _WRONG):
            raise unsupported(f"{type(node).__name__} ({node.sql('athena')[:80]})")
        _check_arguments(node)


_WRONG: tuple[type[Any], ...] = (
    exp.AtTimeZone, exp.Lateral, exp.Unnest, exp.TableSample, exp.MatchRecognize, exp.Pivot, exp.Qualify,
    exp.Lambda, exp.Struct, exp.Map, exp.JSONExtract,
)  # fmt: skip

_INSTANTS: tuple[type[Any], ...] = (
    exp.UnixToTime, exp.TimestampTrunc, exp.DateTrunc, exp.CurrentTimestamp, exp.FromISO8601Timestamp, exp.Avg,
)  # fmt: skip


def _check_arguments(node: Any) -> None:
    if isinstance(node, exp.UnixToTime) and len([one for one in node.args.values() if one]) > 1:
        raise unsupported("from_unixtime with a time zone")
    if isinstance(node, exp.ApproxQuantile) and (node.args.get("weight") or node.args.get("accuracy")):
        raise unsupported("approx_percentile with weights or accuracy")

    if isinstance(node, exp.Cast) and node.to.this in exp.DataType.TEXT_TYPES and _has_other_text(node.this):
        raise unsupported(f"text of an instant or a double ({node.sql('athena')[:80]})")


def _has_other_text(value: Any) -> bool:
    """Whether DuckDB writes the value otherwise than Athena, as far as that is plain to see."""
    value = value.unnest()
    if isinstance(value, exp.Cast):
        return value.to.this in {*exp.DataType.TEMPORAL_TYPES, *exp.DataType.REAL_TYPES} - {
            exp.DataType.Type.DATE
        }
    return isinstance(value, _INSTANTS)


def rewrite_functions(tree: Any) -> Any:
    """Return the tree with what DuckDB names or does otherwise in DuckDB's way."""

    def change(node: Any) -> Any:
        if isinstance(node, exp.ApproxQuantile):  # exact here, approximate in Athena
            return exp.Anonymous(this="quantile_disc", expressions=[node.this, node.args["quantile"]])
        if isinstance(node, exp.ApproxDistinct):  # as well
            return exp.Count(this=exp.Distinct(expressions=[node.this]))
        if isinstance(node, exp.DateDiff):  # whole units between the two, not the borders that lie between
            unit = exp.Literal.string(node.text("unit") or "day")
            return exp.Anonymous(this="date_sub", expressions=[unit, node.expression, node.this])
        return node

    return tree.transform(change)
