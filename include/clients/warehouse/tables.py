"""Tables of the warehouse: names that may enter SQL, and migrations that make what is absent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

import pyarrow as pa  # noqa: TID253 - this module is imported inside tasks only

from include.clients.warehouse.interface import Warehouse
from include.core.clock import utc_now
from include.core.domains import domains
from include.core.errors import StatementFailed

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
# the loader's own records live beside the tables
_RESERVED = {"load_audit", "load_audit_rows", "load_claims", "migrations"}
_PRICES = re.compile(r"^prices(_[0-9]+[a-z]+)?$")
_SQL = files("include.clients.warehouse") / "sql" / "clickhouse"


@dataclass(frozen=True)
class WarehouseTable:
    """One table: readers see `domain.name`, the loader writes `domain.name_rows`."""

    domain: str
    name: str

    def __post_init__(self) -> None:
        for part in (self.domain, self.name):
            if not _NAME.match(part) or part in _RESERVED or part.endswith("_rows"):
                raise StatementFailed(
                    f"{part!r} cannot be the name of a table: lower-case letters, digits and _ only, "
                    f"and not {', '.join(sorted(_RESERVED))} or …_rows. "
                    "Nothing was sent to the warehouse."
                )

    @property
    def view(self) -> str:
        """What readers ask."""
        return f"{self.domain}.{self.name}"

    @property
    def rows(self) -> str:
        """What the loader writes."""
        return f"{self.domain}.{self.name}_rows"

    @property
    def domain_has_prices(self) -> bool:
        """Whether prices may be among the domain's tables: market's, and those of a domain outside the registry."""
        return self.domain == "market" or self.domain not in domains()

    @property
    def is_named_prices(self) -> bool:
        """Whether the name says that this is a price table: `prices` or `prices_<interval>` of such a domain."""
        return self.domain_has_prices and bool(_PRICES.match(self.name))

    @property
    def partition(self) -> str:
        """Daily bars by year, intraday bars by month: partitions hold much and are few."""
        return "toYear(timestamp)" if self.name == "prices" else "toYYYYMM(timestamp)"


def read_sql(name: str, table: WarehouseTable, **others: str) -> str:
    """Return a statement of sql/clickhouse/ for one table; names are checked, values stay parameters.

    `others` are further names that the statement has in pointed brackets.
    """
    lines = (_SQL / f"{name}.sql").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("--"))
    for other, replacement in others.items():
        text = text.replace(f"<{other}>", replacement)
    return (
        text.replace("<domain>", table.domain)
        .replace("<table>", table.name)
        .replace("<rows>", table.rows)
        .replace("<view>", table.view)
        .replace("<partition>", table.partition)
    )


def migrate(warehouse: Warehouse, table: WarehouseTable, *, prices: bool = True) -> None:
    """Apply the numbered migrations that the table has not had yet, in order; not `prices`: but those of prices.

    Safe when two run at once or one is killed: every statement may run twice.
    """
    names = sorted(file.name.removesuffix(".sql") for file in _SQL.iterdir() if file.name[:4].isdigit())
    if not prices:
        names = [name for name in names if "prices" not in name]
    try:
        done = _applied(warehouse, table)
    except StatementFailed:
        _apply(warehouse, table, names[0])  # the table of migrations itself
        done = _applied(warehouse, table)
    for name in names[1:]:
        if name not in done:
            _apply(warehouse, table, name)
            warehouse.insert(f"{table.domain}.migrations", [_record(table, name)])


def _applied(warehouse: Warehouse, table: WarehouseTable) -> set[str]:
    found = warehouse.query(read_sql("select_migrations", table), {"table_name": table.name})
    return {row["name"] for row in found.to_pylist()}


def _apply(warehouse: Warehouse, table: WarehouseTable, name: str) -> None:
    for statement in read_sql(name, table).split(";"):
        if statement.strip():
            warehouse.execute(statement)


def _record(table: WarehouseTable, name: str) -> pa.RecordBatch:
    now = utc_now().replace(microsecond=0)
    return pa.RecordBatch.from_pydict(
        {
            "table_name": pa.array([table.name]),
            "name": pa.array([name]),
            "applied_at": pa.array([now], pa.timestamp("s", "UTC")),
        }
    )
