"""Names, statements and migrations of the warehouse's tables."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
import sqlglot

from include.clients.warehouse import WarehouseAddress, open_warehouse
from include.clients.warehouse.tables import WarehouseTable, migrate, read_sql
from include.core.errors import StatementFailed

TABLE = WarehouseTable("market", "prices")
OTHERS = {
    "columns": "`a` Nullable(Int32)", "column": "`a`", "type": "Nullable(Int64)", "ids": "1, 2",
    "versions": "3, 4", "create": "CREATE OR REPLACE VIEW",
}  # fmt: skip
NAMES = sorted(
    file.name.removesuffix(".sql")
    for file in (files("include.clients.warehouse") / "sql" / "clickhouse").iterdir()
)


@pytest.mark.parametrize(
    "name", ["", "Prices", "1d", "a b", "a;b", "a`", "x" * 64, "load_audit", "migrations", "orders_rows"]
)
def test_a_name_that_may_not_enter_sql_is_refused(name: str) -> None:
    with pytest.raises(StatementFailed, match="cannot be the name"):
        WarehouseTable("market", name)


@pytest.mark.parametrize("name", NAMES)
def test_each_statement_is_clickhouse_with_all_names_filled_in(name: str) -> None:
    columns = {"columns": "`a`"} if name == "create_any_view" else {}
    sql = read_sql(name, TABLE, **(OTHERS | columns))
    assert not re.search(r"<\w+>", sql)
    for statement in filter(str.strip, sql.split(";")):
        assert sqlglot.parse_one(statement, dialect="clickhouse") is not None


@pytest.mark.parametrize("name", NAMES)
def test_each_statement_says_its_grain_first(name: str) -> None:
    text = (files("include.clients.warehouse") / "sql" / "clickhouse" / f"{name}.sql").read_text()
    assert text.startswith("-- Grain: ")


def test_daily_prices_are_partitioned_by_year_and_others_by_month() -> None:
    assert TABLE.partition == "toYear(timestamp)"
    assert WarehouseTable("market", "prices_1h").partition == "toYYYYMM(timestamp)"


@pytest.mark.integration
@pytest.mark.parametrize("which", ["http_address", "native_address"])
def test_migrations_are_applied_once_and_recorded(which: str, request: pytest.FixtureRequest) -> None:
    address: WarehouseAddress = request.getfixturevalue(which)
    table = WarehouseTable(f"migrated_{which}", "prices")
    with open_warehouse(address) as warehouse:
        statements: list[str] = []
        migrate(warehouse, table)
        execute = warehouse.execute
        warehouse.execute = lambda sql, *a, **n: (statements.append(sql), execute(sql, *a, **n))  # type: ignore[method-assign]
        migrate(warehouse, table)
        found = warehouse.query(
            f"SELECT name, count() AS n FROM {table.domain}.migrations GROUP BY name ORDER BY name"
        )
    numbered = [name for name in NAMES if name[:4].isdigit()]
    assert found.to_pylist() == [{"name": name, "n": 1} for name in numbered[1:]]
    assert statements == [], "the second time only looks"
