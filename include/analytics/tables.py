"""A day's answers as tables of the warehouse: `analytics.g1_*`, one file a day each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import polars as pl  # noqa: TID253 - this module is imported inside tasks only
import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only
import pyarrow.parquet as pq  # noqa: TID253 - this module is imported inside tasks only

from include.analytics.checks import Check
from include.analytics.results import Results, Rows

_MINUTE = pl.Datetime("ms", "UTC")
_DELAYS = {f"p{p}_{kind}_delay_ms": pl.Int64() for kind in ("queue", "e2e") for p in (50, 95, 99)}
_HEAD: dict[str, Any] = {"ds": pl.Date(), "form": pl.String()}
_TAIL: dict[str, Any] = {"run_id": pl.String()}
SCHEMAS: dict[str, dict[str, Any]] = {
    "g1_traffic": {"hour": pl.String(), "min_time": _MINUTE, "traffic_per_min": pl.Int64()},
    "g1_throughput": {"hour": pl.String(), "min_time": _MINUTE, "throughput_per_min": pl.Int64()},
    "g1_distribution": {
        "result_code": pl.String(), "is_dlq": pl.Boolean(), "total_count": pl.Int64(),
        "ratio_percent": pl.Float64(),
    },
    "g1_delay": {"event_id": pl.String(), **_DELAYS, "total_count": pl.Int64()},
    "g1_delay_by_minute": {"min_time": _MINUTE, **_DELAYS, "total_count": pl.Int64()},
    "g1_checks": {"name": pl.String(), "value": pl.Float64(), "outcome": pl.String(), "note": pl.String()},
}  # fmt: skip
"""Columns of each table, between `ds` and `form` (`seed`: by day of arrival; `late_safe`: by day of the
event) and `run_id`. Every file has all of them, so that a table's types never depend on a day."""
_NAMES = {"resultcode": "result_code", "isdlq": "is_dlq", "eventid": "event_id"}


def day_tables(
    results: Results, checks: Sequence[Check], *, ds: date, run_id: str
) -> dict[str, pl.DataFrame]:
    """Return the day's rows by table."""
    frames = {}
    for table, schema in SCHEMAS.items():
        rows = _rows(table, results, checks)
        full = {**_HEAD, **schema, **_TAIL}
        named = [{_NAMES.get(name, name): value for name, value in row.items()} for row in rows]
        records = [{name: row.get(name) for name in full} | {"ds": ds, "run_id": run_id} for row in named]
        frames[table] = pl.DataFrame(records, schema=full, strict=False)
    return frames


def encode_parquet(frame: pl.DataFrame, about: Mapping[str, str]) -> bytes:
    """Return Parquet (ZSTD) with `about` in its metadata."""
    table = frame.to_arrow().replace_schema_metadata(dict(about))
    sink = pa.BufferOutputStream()
    # with the Arrow schema even a file of one row is larger than the 1,024 bytes that the load rule asks for
    pq.write_table(table, sink, compression="zstd", store_schema=True)
    return bytes(sink.getvalue().to_pybytes())


def _rows(table: str, results: Results, checks: Sequence[Check]) -> Rows:
    if table == "g1_checks":
        return [{**asdict(check), "form": "check"} for check in checks]
    query = table.replace("g1_", "select_")
    if table == "g1_delay_by_minute":
        return [{**row, "form": "late_safe"} for row in results.rows[query]]
    return [
        {**row, "form": form}
        for form, name in (("seed", query), ("late_safe", f"{query}_late_safe"))
        for row in results.rows[name]
    ]
