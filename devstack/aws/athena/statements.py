"""Which kind of statement a query is, with its bind parameters put in; what cannot be parsed is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType

from devstack.aws.athena.errors import QueryFailed, RequestRefused

_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_QUERIES = ("SELECT", "WITH", "VALUES")
_DDL = ("CREATE", "DROP", "ALTER", "MSCK")
_UTILITY = ("SHOW", "DESCRIBE", "DESC")
_NOT_HERE = ("INSERT", "UNLOAD", "DELETE", "UPDATE", "MERGE", "VACUUM", "OPTIMIZE", "EXPLAIN", "PREPARE", "EXECUTE", "DEALLOCATE")  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """One statement."""

    sql: str
    """Without leading comments and a closing semicolon."""
    kind: str
    """`DML`, `DDL` or `UTILITY`, as Athena calls them."""
    tree: Any = None
    """sqlglot's, of a query and of CREATE and DROP."""


def parse_statement(query: str, parameters: Sequence[str] = ()) -> Statement:
    """Return the statement; `RequestRefused` says where its text is wrong."""
    lead = _COMMENTS.match(query)
    lost = lead.end() if lead else 0
    sql = query[lost:].rstrip().rstrip(";").rstrip()
    word = (re.match(r"\(*\s*(\w*)", sql) or [""])[1].upper()  # type: ignore[index]
    if word in _NOT_HERE:
        raise RequestRefused(f"NOT_SUPPORTED: the local Athena has no {word}")
    if word in _QUERIES:
        bound = bind(query, parameters)
        return Statement(bound, "DML", _parse(bound))
    if word in _DDL:
        return Statement(sql, "DDL", _parse_ddl(sql, word))
    if word in _UTILITY:
        return Statement(sql, "UTILITY", None)
    shown = sql.split(None, 1)[0] if sql else "<EOF>"
    raise RequestRefused(
        f"line {query[:lost].count(chr(10)) + 1}:1: mismatched input '{shown}'. Expecting: 'ALTER', 'CREATE', "
        "'DESCRIBE', 'DROP', 'MSCK', 'SELECT', 'SHOW', 'VALUES', 'WITH', <query>"
    )


def _parse_ddl(sql: str, word: str) -> Any:
    if word in ("ALTER", "MSCK"):
        return None
    tree = _parse(sql)
    if isinstance(tree, exp.Create) and tree.expression and tree.kind == "TABLE":
        raise RequestRefused("NOT_SUPPORTED: the local Athena has no CREATE TABLE AS")
    return tree


def _parse(sql: str) -> Any:
    try:
        trees = sqlglot.parse(sql, read="athena")
    except SqlglotError as error:
        first = (getattr(error, "errors", None) or [{}])[0]
        near = first.get("highlight") or ""
        start = max(1, first.get("col", 1) - len(near) + 1)
        place = f"line {first['line']}:{start}: " if first.get("line") else ""
        raise RequestRefused(
            f"{place}mismatched input '{near}'. {first.get('description') or error}"
        ) from None
    trees = [tree for tree in trees if tree is not None]
    if len(trees) != 1:
        raise RequestRefused("Only one sql statement is allowed. Got: " + sql)
    if isinstance(trees[0], exp.Command):
        raise RequestRefused("Queries of this type are not supported")
    return trees[0]


def bind(query: str, parameters: Sequence[str]) -> str:
    """Return the query with the literals `parameters` in place of its `?`, in order."""
    places = [one for one in _tokens(query) if one.token_type == TokenType.PLACEHOLDER]
    if len(places) != len(parameters):
        raise QueryFailed(
            f"INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected {len(places)} "
            f"but found {len(parameters)}"
        )
    for place, given in reversed(list(zip(places, parameters, strict=True))):
        query = query[: place.start] + _literal(given) + query[place.end + 1 :]
    return query


def _tokens(query: str) -> list[Any]:
    try:
        return sqlglot.tokenize(query, read="athena")
    except SqlglotError as error:
        raise RequestRefused(f"mismatched input: {error}") from None


def _literal(given: str) -> str:
    """Return the parameter's value; anything but one literal is refused, for text needs its quotes."""
    try:
        value = sqlglot.parse_one(given, read="athena")
    except SqlglotError:
        value = None
    bare = value.this if isinstance(value, (exp.Neg, exp.Cast)) else value
    if not isinstance(bare, (exp.Literal, exp.Boolean, exp.Null)):
        raise RequestRefused(f"Execution parameter {given} is no literal: text stands in single quotes")
    return given
