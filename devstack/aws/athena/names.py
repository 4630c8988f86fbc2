"""Names of a query: which Glue tables it reads, and which columns stand where they cannot.

DuckDB is more lenient than Athena: it finds a SELECT's alias in WHERE and GROUP BY, and compares text with numbers.
Where all tables of a SELECT are Glue's, such a query fails here as it would in Athena.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from devstack.aws.athena.catalog import Catalog, Table
from devstack.aws.athena.errors import QueryFailed, at, unsupported
from devstack.aws.athena.relation import duck_type

_TEXT, _NUMBER, _BOOLEAN = "varchar", "number", "boolean"
_CLAUSES = ("where", "group", "having")


@dataclass(frozen=True)
class Use:
    """A Glue table where a query names it."""

    node: Any
    table: Table

    @property
    def alias(self) -> str:
        return str(self.node.alias or self.node.name).lower()


def glue_tables(tree: Any, catalog: Catalog, database: str, sql: str) -> list[Use]:
    """Return the Glue tables of the query; a table that does not exist fails it."""
    named = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    found = []
    for node in list(tree.find_all(exp.Table)):
        name, schema = node.name.lower(), (node.db or database).lower()
        if isinstance(node.this, exp.Func):
            raise unsupported(f"table function {node.sql('athena')[:60]}")
        if not node.db and name in named:
            continue
        if node.catalog and node.catalog.lower() != "awsdatacatalog":
            raise QueryFailed(f"CATALOG_NOT_FOUND: {at(node, sql)}Catalog '{node.catalog}' does not exist")
        if (table := catalog.find(schema, name)) is None:
            raise QueryFailed(
                f"TABLE_NOT_FOUND: {at(node, sql)}Table 'awsdatacatalog.{schema}.{name}' does not exist"
            )
        found.append(Use(node, table))
    return found


def name_outputs(tree: Any) -> None:
    """Give every column of the result the name that it has in Athena."""
    select = tree
    while isinstance(select, (exp.SetOperation, exp.Subquery)):
        select = select.this
    for number, item in enumerate(getattr(select, "selects", [])):
        if isinstance(item, (exp.Alias, exp.Star)) or (isinstance(item, exp.Column) and item.is_star):
            continue
        name = item.name if isinstance(item, (exp.Column, exp.Dot)) else f"_col{number}"
        item.replace(exp.alias_(item.copy(), name, quoted=True))


def check_names(tree: Any, uses: list[Use], sql: str) -> None:
    """Fail the query at a column that Athena cannot resolve, or a comparison that it refuses."""
    by_node = {id(use.node): use for use in uses}
    for select in tree.find_all(exp.Select):
        tables = _tables_of(select)
        mine = [by_node[id(one)] for one in tables if id(one) in by_node]
        if not mine or len(mine) != len(tables):
            continue
        kinds: dict[str, str] = {}
        for use in mine:
            kinds.update(use.table.columns + use.table.keys)
        aliases = {use.alias for use in mine}
        if select.find_ancestor(exp.Select) is None:  # one inside may mean columns of the one outside
            _check_columns(select, kinds, aliases, sql)
        _check_comparisons(select, kinds, aliases, sql)


def _tables_of(select: Any) -> list[Any]:
    source = select.args.get("from_") or select.args.get("from")
    joined = [join.this for join in select.args.get("joins") or []]
    return ([source.this] if source else []) + joined


def _own(select: Any, clause: Any) -> Iterator[Any]:
    """Yield the clause's columns that are not those of a SELECT inside it."""
    for column in clause.find_all(exp.Column):
        if column.find_ancestor(exp.Select) is select:
            yield column


def _check_columns(select: Any, kinds: dict[str, str], aliases: set[str], sql: str) -> None:
    clauses = [*select.selects, *(select.args[name] for name in _CLAUSES if select.args.get(name))]
    for clause in clauses:
        for column in _own(select, clause):
            if column.is_star:
                continue
            parts = [part.name.lower() for part in column.parts]
            rest = parts[1:] if parts[0] in aliases and len(parts) > 1 else parts
            if rest[0] not in kinds:
                shown = ".".join(part.name for part in column.parts)
                raise QueryFailed(
                    f"COLUMN_NOT_FOUND: {at(column, sql)}Column '{shown}' cannot be resolved or requester is not "
                    "authorized to access requested resources"
                )


def _check_comparisons(select: Any, kinds: dict[str, str], aliases: set[str], sql: str) -> None:
    for node in select.find_all(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In):
        if node.find_ancestor(exp.Select) is not select:
            continue
        others = [
            node.args[name] for name in ("expression", "low", "high") if node.args.get(name) is not None
        ]
        left = _kind(node.this, kinds, aliases)
        for other in others + node.expressions:
            right = _kind(other, kinds, aliases)
            if left and right and left != right:
                raise QueryFailed(
                    f"TYPE_MISMATCH: {at(node, sql)}Cannot apply operator: {left} {node.key} {right}"
                )


def _kind(node: Any, kinds: dict[str, str], aliases: set[str]) -> str | None:
    """Return whether a value is text, a number or a truth value, or None where that is not plain to see."""
    node = node.unnest()
    if isinstance(node, exp.Literal):
        return _TEXT if node.is_string else _NUMBER
    if isinstance(node, exp.Boolean):
        return _BOOLEAN
    if isinstance(node, (exp.Count, exp.CountIf)):
        return _NUMBER
    if isinstance(node, exp.Column):
        parts = [part.name.lower() for part in node.parts]
        rest = parts[1:] if parts[0] in aliases and len(parts) > 1 else parts
        return _class(_field(duck_type(kinds[rest[0]]), rest[1:])) if rest[0] in kinds else None
    return None


def _field(kind: Any, names: list[str]) -> Any:
    for name in names:
        fields = {
            one.name.lower(): one.args["kind"] for one in kind.expressions if isinstance(one, exp.ColumnDef)
        }
        if name not in fields:
            return None
        kind = fields[name]
    return kind


def _class(kind: Any) -> str | None:
    if kind is None:
        return None
    if kind.this in exp.DataType.TEXT_TYPES:
        return _TEXT
    if kind.this in exp.DataType.NUMERIC_TYPES:
        return _NUMBER
    return _BOOLEAN if kind.this is exp.DataType.Type.BOOLEAN else None
