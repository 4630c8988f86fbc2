"""What the dashboard asks the warehouse: the newest loads of every domain, and a day of G1."""

from __future__ import annotations

from collections.abc import Sequence
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
    return {
        "days": days,
        "step_minutes": STEP_MINUTES,
        "traffic": _query(warehouse, "select_g1_traffic", {**day, "step": STEP_MINUTES}),
        "delay": _query(warehouse, "select_g1_delay", {**day, "step": STEP_MINUTES}),
        "distribution": _query(warehouse, "select_g1_distribution", day),
        "checks": _query(warehouse, "select_g1_checks", day),
    }


def _existing(warehouse: Warehouse, names: list[str]) -> list[str]:
    return [row["name"] for row in _query(warehouse, "select_tables", {"names": names})]


def _query(
    warehouse: Warehouse, name: str, parameters: dict[str, Any] | None = None, *, domain: str = ""
) -> list[Row]:
    sql = _statement(name).replace("<domain>", domain)
    rows: list[Row] = warehouse.query(sql, parameters).to_pylist()
    return rows


@cache
def _statement(name: str) -> str:
    return (_SQL / f"dashboard_{name}.sql").read_text()
