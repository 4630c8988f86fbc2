"""What the dashboard asks the warehouse: the newest loads of every domain, and a day of G1."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.status.dashboard_sources import Answer

if TYPE_CHECKING:
    from include.clients.warehouse import Warehouse

SOURCE = "ClickHouse"
G1 = ("traffic", "throughput", "distribution", "delay_by_minute", "checks")
STEP_MINUTES = 5
"""A day of minutes is 288 points of a line: as many as a chart has room for."""
_SQL = Path(__file__).with_name("sql") / "clickhouse"
Row = dict[str, Any]


def query_loads(warehouse: Warehouse, domains: Sequence[str]) -> Answer:
    """Return the youngest data of each table that is loaded from files, and when it was last loaded."""
    tables = []
    for domain in sorted(_existing(warehouse, [f"{domain}.load_audit_rows" for domain in domains])):
        name = domain.removesuffix(".load_audit_rows")
        rows = _query(warehouse, "select_loads", domain=name)
        tables += [{**row, "table_name": f"{name}.{row['table_name']}"} for row in rows]
    return {"tables": tables}


def query_g1(warehouse: Warehouse) -> Answer:
    """Return the newest day's charts, and the days that there are; no days while none was measured."""
    wanted = [f"analytics.g1_{name}" for name in G1]
    days = _query(warehouse, "select_g1_days") if set(wanted) <= set(_existing(warehouse, wanted)) else []
    if not days:
        return {"days": []}
    day = {"ds": days[0]["ds"]}
    stretch = {**day, "step": STEP_MINUTES}
    no_delay = {"p50_ms": None, "p95_ms": None, "p99_ms": None}
    nothing = {"traffic_per_min": 0, "throughput_per_min": 0}
    return {
        "days": days,
        "step_minutes": STEP_MINUTES,
        "traffic": _regular(_query(warehouse, "select_g1_traffic", stretch), nothing),
        "delay": _regular(_query(warehouse, "select_g1_delay", stretch), no_delay),
        "distribution": _query(warehouse, "select_g1_distribution", day),
        "checks": _query(warehouse, "select_g1_checks", day),
    }


def _regular(rows: list[Row], nothing: Row) -> list[Row]:
    """Return a row for each step between the first and the last, so that a chart's axis is even."""
    if not rows:
        return []
    known = {row["at"]: row for row in rows}
    step, first = timedelta(minutes=STEP_MINUTES), rows[0]["at"]
    count = (rows[-1]["at"] - first) // step + 1
    instants = (first + step * number for number in range(count))
    return [known.get(at, {"at": at, **nothing}) for at in instants]


def _existing(warehouse: Warehouse, names: list[str]) -> list[str]:
    return [row["full_name"] for row in _query(warehouse, "select_tables", {"names": names})]


def _query(
    warehouse: Warehouse, name: str, parameters: dict[str, Any] | None = None, *, domain: str = ""
) -> list[Row]:
    sql = _statement(name).replace("<domain>", domain)
    rows: list[Row] = warehouse.query(sql, parameters).to_pylist()
    return [{column: _aware(value) for column, value in row.items()} for row in rows]


def _aware(value: Any) -> Any:
    """Return an instant as UTC, which it is: a browser would take a bare one for its own time zone."""
    naive = isinstance(value, datetime) and value.tzinfo is None
    return value.replace(tzinfo=timezone.utc) if naive else value


@cache
def _statement(name: str) -> str:
    return (_SQL / f"dashboard_{name}.sql").read_text()
