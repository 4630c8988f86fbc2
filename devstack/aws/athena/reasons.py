"""What DuckDB says of a query that fails, in Athena's words."""

from __future__ import annotations

import re
from typing import Any

import duckdb

from devstack.aws.athena.errors import at

_NO_COLUMN = re.compile(
    r'Referenced column "([^"]+)" not found|column "?([\w.]+)"? (?:does not exist|not found)'
)
_NO_TABLE = re.compile(r'Referenced table "([^"]+)" not found')
_NO_FIELD = re.compile(r'Could not find key "([^"]+)" in struct')
_NOT_GROUPED = re.compile(r'column "?([^"\s]+)"? must appear in the GROUP BY clause')
_NOT_CAST = re.compile(r"Could not convert string '([^']*)' to (\w+)")
_TYPES = {"INT64": "BIGINT", "INT32": "INTEGER", "BOOL": "BOOLEAN"}


def reason_of(error: duckdb.Error, tree: Any, sql: str) -> str:
    """Return the reason that the query's record shows."""
    message = str(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return "EXCEEDED_LOCAL_MEMORY_LIMIT: Query exceeded per-node memory limit of the local Athena"
    if isinstance(error, duckdb.BinderException):
        return _binding(message, tree, sql)
    if isinstance(error, duckdb.ConversionException) and (found := _NOT_CAST.search(message)):
        return f"INVALID_CAST_ARGUMENT: Cannot cast '{found[1]}' to {_TYPES.get(found[2], found[2])}"
    if "Division by zero" in message:
        return "DIVISION_BY_ZERO: Division by zero"
    if isinstance(error, duckdb.OutOfRangeException):
        return f"NUMERIC_VALUE_OUT_OF_RANGE: {_first_line(message)}"
    if "Malformed JSON" in message or "Could not transform" in message or "Failed to cast" in message:
        return f"HIVE_CURSOR_ERROR: Row is not a valid JSON Object - {_without_path(_first_line(message))}"
    return f"GENERIC_USER_ERROR: {_first_line(message)}"


def _binding(message: str, tree: Any, sql: str) -> str:
    for pattern in (_NO_COLUMN, _NO_TABLE, _NO_FIELD):
        if found := pattern.search(message):
            name = next(group for group in found.groups() if group)
            return (
                f"COLUMN_NOT_FOUND: {_place(name, tree, sql)}Column '{name}' cannot be resolved or requester is not "
                "authorized to access requested resources"
            )
    if found := _NOT_GROUPED.search(message):
        return (
            f"EXPRESSION_NOT_AGGREGATE: {_place(found[1], tree, sql)}'{found[1]}' must be an aggregate expression "
            "or appear in GROUP BY clause"
        )
    return f"SYNTAX_ERROR: {_first_line(message)}"


def _place(name: str, tree: Any, sql: str) -> str:
    from sqlglot import exp

    wanted = name.lower()
    for node in tree.find_all(exp.Column):
        if wanted in [part.name.lower() for part in node.parts]:
            return at(node, sql)
    return ""


def _first_line(message: str) -> str:
    return message.split("\n", 1)[0].split(": ", 1)[-1]


def _without_path(message: str) -> str:
    return re.sub(r' in file "[^"]*"', "", message)
