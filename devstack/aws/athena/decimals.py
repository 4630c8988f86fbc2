"""Division of decimals: Athena keeps the larger scale of the two, `1 * 100.0 / 3` is 33.3; DuckDB makes a double."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from devstack.aws.athena.names import Use
from devstack.aws.athena.relation import duck_type

_INTEGER = 0
_DOUBLE = -1


def divide_as_decimals(tree: Any, uses: list[Use]) -> None:
    """Round each division whose sides are seen to be decimals, or decimal and integer, as Athena does."""
    kinds = {name: duck_type(kind) for use in uses for name, kind in use.table.columns + use.table.keys}

    for node in reversed(list(tree.find_all(exp.Div))):  # the inner ones first: the outer sees their scale
        left, right = _scale(node.this, kinds), _scale(node.expression, kinds)
        if left is None or right is None or _DOUBLE in (left, right) or left == right == _INTEGER:
            continue
        scaled = exp.DataType.build(f"DECIMAL(38, {max(left, right)})")
        node.replace(exp.Cast(this=exp.Paren(this=node.copy()), to=scaled))


def _scale(node: Any, kinds: dict[str, Any]) -> int | None:
    """Return the scale of a decimal, 0 of an integer, -1 of a double; None where that is not plain to see."""
    if isinstance(node, exp.Literal):
        return None if node.is_string else _literal_scale(node.name)
    if isinstance(
        node, (exp.Paren, exp.Neg, exp.Sum, exp.Min, exp.Max, exp.Abs, exp.Window, exp.Filter, exp.Round)
    ):
        return _scale(node.this, kinds)
    if isinstance(node, (exp.Count, exp.CountIf, exp.RowNumber)):
        return _INTEGER
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Div)):
        sides = [_scale(side, kinds) for side in (node.this, node.expression)]
        if None in sides or _DOUBLE in sides:
            return None if None in sides else _DOUBLE
        left, right = sides
        return left + right if isinstance(node, exp.Mul) else max(left, right)  # type: ignore[operator,type-var]
    if isinstance(node, exp.Cast):
        return _type_scale(node.to)
    if isinstance(node, exp.Column) and len(node.parts) == 1:
        return _type_scale(kinds.get(node.name.lower()))
    return None


def _literal_scale(number: str) -> int:
    if "e" in number.lower():
        return _DOUBLE
    return len(number.partition(".")[2])


def _type_scale(kind: Any) -> int | None:
    if kind is None:
        return None
    if kind.this in exp.DataType.INTEGER_TYPES:
        return _INTEGER
    if kind.this is exp.DataType.Type.DECIMAL:
        return int(kind.expressions[1].name) if len(kind.expressions) > 1 else 0
    return _DOUBLE if kind.this in exp.DataType.REAL_TYPES else None
