"""A day of G1 as the pipeline writes it, for who only wants to look at it: files in the curated bucket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

import polars as pl

from include.analytics.tables import SCHEMAS, encode_parquet
from include.clients.object_store import ObjectStore
from include.core.keys import CuratedTable

DAY = date(2026, 1, 27)
REQUESTS = 54_321
_RESULTS = [("SUCCESS", False, 52_000), ("SOLD_OUT", False, 2_200), ("TIMEOUT", True, 121)]
_CHECKS = [
    ("negative_delay", 0.0, "ok", "delays below 0"),
    ("missing_timestamp", 0.0, "ok", "events without an instant"),
    ("dlq_percent", 0.22, "ok", "came by way of the dead letters; more than 5 warns"),
    ("missing_hours", 2.0, "warning", "hours without a line, between others: 03, 04"),
]


def write_g1_day(curated: ObjectStore) -> None:
    """Write the files; the load rule does the rest."""
    for name, rows in _rows().items():
        schema = {"ds": pl.Date(), "form": pl.String(), **SCHEMAS[name], "run_id": pl.String()}
        full = [{"ds": DAY, "form": "late_safe", "run_id": "seed", **row} for row in rows]
        records = [{column: row.get(column) for column in schema} for row in full]
        frame = pl.DataFrame(records, schema=schema, strict=False)
        curated.write(CuratedTable("analytics", name).part_key(DAY), encode_parquet(frame, {}))


def _rows() -> dict[str, list[dict[str, Any]]]:
    minutes = list(_minutes())
    return {
        "g1_traffic": [{"min_time": at, "traffic_per_min": n} for at, n in minutes],
        "g1_throughput": [{"min_time": at, "throughput_per_min": n * 9 // 10} for at, n in minutes],
        "g1_delay_by_minute": [
            {
                "min_time": at, "p50_e2e_delay_ms": 80 + n, "p95_e2e_delay_ms": 200 + 3 * n,
                "p99_e2e_delay_ms": 300 + 7 * n,
            }
            for at, n in minutes
        ],
        "g1_distribution": [
            {"result_code": code, "is_dlq": dead, "total_count": n, "ratio_percent": round(100 * n / REQUESTS, 2)}
            for code, dead, n in _RESULTS
        ],
        "g1_checks": [
            {"name": name, "value": value, "outcome": outcome, "note": note, "form": "check"}
            for name, value, outcome, note in _CHECKS
        ],
    }  # fmt: skip


def _minutes() -> Iterator[tuple[datetime, int]]:
    """Yield each minute of the day and how many requests it had: two waves, and nothing at night."""
    start = datetime(DAY.year, DAY.month, DAY.day, tzinfo=timezone.utc)
    for minute in range(1440):
        wave = max(0, 60 - abs(minute - 660) // 4) + max(0, 90 - abs(minute - 1200) // 2)
        if wave:
            yield start + timedelta(minutes=minute), wave + (minute * 7919) % 11
