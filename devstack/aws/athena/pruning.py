"""Partitions that a query reads: those that the parts of its WHERE on partition keys alone leave over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from devstack.aws.athena.catalog import Partition
from devstack.aws.athena.names import Use
from devstack.aws.athena.relation import duck_type, identifier, literal


def prune(connection: Any, use: Use, partitions: Sequence[Partition]) -> list[Partition]:
    """Return the partitions that may have rows of the answer; DuckDB itself judges the conditions."""
    conditions = _conditions(use)
    if not conditions or not partitions:
        return list(partitions)
    keys = [(name, duck_type(kind).sql("duckdb")) for name, kind in use.table.keys]
    rows = ", ".join(
        f"({', '.join([str(number), *map(literal, one.values)])})" for number, one in enumerate(partitions)
    )
    raw = ", ".join(f"c{number}" for number in range(len(keys)))
    typed = ", ".join(
        f"CAST(c{number} AS {kind}) AS {identifier(name)}" for number, (name, kind) in enumerate(keys)
    )
    wanted = " AND ".join(f"({condition.sql('duckdb')})" for condition in conditions)
    found = connection.execute(
        f"SELECT n FROM (SELECT n, {typed} FROM (VALUES {rows}) v(n, {raw})) WHERE {wanted} ORDER BY n"  # noqa: S608
    ).fetchall()
    return [partitions[number] for (number,) in found]


def _conditions(use: Use) -> list[Any]:
    """Return copies of the WHERE's parts, joined by AND, that ask of the partition keys and nothing else."""
    select = use.node.find_ancestor(exp.Select)
    where = select.args.get("where") if select else None
    if where is None or not use.table.keys or _may_be_outer(select):
        return []
    names = {name for name, _ in use.table.keys}
    parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
    found = []
    for part in parts:
        part = part.copy().unnest()
        columns = list(part.find_all(exp.Column))
        own = all(one.name.lower() in names and one.table.lower() in ("", use.alias) for one in columns)
        if not columns or not own or part.find(exp.Select):
            continue
        for column in columns:
            column.set("table", None)
        found.append(part)
    return found


def _may_be_outer(select: Any) -> bool:
    """Whether rows of a table that is left out may be wanted as NULLs."""
    return any(join.side for join in select.args.get("joins") or [])
