"""Statements that are no query: CREATE, DROP, ALTER, MSCK, SHOW and DESCRIBE, on the Glue catalog."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from sqlglot import exp

from devstack.aws.athena.catalog import Catalog, Partition, Table
from devstack.aws.athena.create import table_input
from devstack.aws.athena.errors import QueryFailed, unsupported
from devstack.aws.athena.results import ResultColumn, Row
from devstack.aws.athena.statements import Statement
from include.clients.aws import error_code

Answer = tuple[list[ResultColumn], list[Row]]
_NAME = r"([\w.`\"]+)"
_SPEC = re.compile(r"PARTITION\s*\(([^)]*)\)(?:\s*LOCATION\s*'([^']*)')?", re.IGNORECASE)
_VALUE = re.compile(r"[`\"]?(\w+)[`\"]?\s*=\s*(?:'([^']*)'|([^,\s]+))")
_NOTHING: Answer = ([], [])


def run_ddl(statement: Statement, catalog: Catalog, database: str) -> Answer:
    """Run one statement; return the columns and rows of its answer."""
    if isinstance(statement.tree, exp.Drop):
        return _drop(statement.tree, catalog, database)
    if isinstance(statement.tree, exp.Create):
        return _create(statement.tree, catalog, database)
    text = " ".join(statement.sql.split())
    for pattern, run in _STATEMENTS:
        if match := pattern.fullmatch(text):
            return run(match, catalog, database)
    raise unsupported(f"statement like {text[:60]!r}")


def _table(name: str, catalog: Catalog, database: str) -> Table:
    parts = re.sub(r'[`"]', "", name).lower().split(".")
    return catalog.table(parts[-2] if len(parts) > 1 else database, parts[-1])


def _create(tree: Any, catalog: Catalog, database: str) -> Answer:
    target = tree.this.find(exp.Table)
    try:
        if tree.kind in ("DATABASE", "SCHEMA"):
            name = (target.db or target.name).lower()
            catalog.glue.create_database(DatabaseInput={"Name": name})
        elif tree.kind == "TABLE":
            into = (target.db or database).lower()
            catalog.glue.create_table(DatabaseName=into, TableInput=table_input(tree))
        else:
            raise unsupported(f"CREATE {tree.kind}")
    except ClientError as error:
        code = error_code(error)
        if code == "AlreadyExistsException" and tree.args.get("exists"):
            return _NOTHING
        if code == "AlreadyExistsException":
            raise QueryFailed(
                f"FAILED: Execution Error, return code 1. AlreadyExistsException: {target.name} already exists"
            ) from None
        if code == "EntityNotFoundException":
            raise QueryFailed(
                f"FAILED: SemanticException [Error 10072]: Database does not exist: {database}"
            ) from None
        raise
    return _NOTHING


def _drop(tree: Any, catalog: Catalog, database: str) -> Answer:
    target = tree.find(exp.Table)
    try:
        if tree.kind in ("DATABASE", "SCHEMA"):
            catalog.glue.delete_database(Name=(target.db or target.name).lower())
        elif tree.kind == "TABLE":
            catalog.glue.delete_table(DatabaseName=(target.db or database).lower(), Name=target.name.lower())
        else:
            raise unsupported(f"DROP {tree.kind}")
    except ClientError as error:
        if error_code(error) != "EntityNotFoundException":
            raise
        if not tree.args.get("exists"):
            raise QueryFailed(
                f"FAILED: SemanticException [Error 10001]: Table not found {target.name}"
            ) from None
    return _NOTHING


def _repair(match: re.Match[str], catalog: Catalog, database: str) -> Answer:
    table = _table(match[1], catalog, database)
    if not table.keys:
        raise QueryFailed(f"FAILED: SemanticException Table is not a partitioned table: {table.name}")
    known = {one.values for one in catalog.registered(table)}
    missing = [one for one in catalog.found(table) if one.values not in known]
    if not missing:
        return _NOTHING
    catalog.add(table, missing, missing_only=True)
    named = [f"{table.name}:{_path(table, one)}" for one in missing]
    lines = ["Partitions not in metastore:\t" + "\t".join(named)]
    lines += [f"Repair: Added partition to metastore {one}" for one in named]
    return [ResultColumn("result", "string")], [[line] for line in lines]


def _path(table: Table, partition: Partition) -> str:
    return "/".join(f"{name}={value}" for (name, _), value in zip(table.keys, partition.values, strict=True))


def _alter(match: re.Match[str], catalog: Catalog, database: str) -> Answer:
    table, softly = _table(match[1], catalog, database), bool(match[3])
    partitions = [_partition(table, *found.groups()) for found in _SPEC.finditer(match[0])]
    if match[2].upper() == "ADD":
        catalog.add(table, partitions, missing_only=softly)
    else:
        for one in partitions:
            catalog.drop(table, one.values, existing_only=softly)
    return _NOTHING


def _partition(table: Table, spec: str, location: str | None) -> Partition:
    given = {name.lower(): quoted or bare for name, quoted, bare in _VALUE.findall(spec)}
    names = [name for name, _ in table.keys]
    if set(given) != set(names):
        raise QueryFailed(f"FAILED: SemanticException Partition spec {given} does not name the keys {names}")
    made = Partition(tuple(given[name] for name in names), "")
    return Partition(made.values, location or f"{table.location}{_path(table, made)}/")


def _show_partitions(match: re.Match[str], catalog: Catalog, database: str) -> Answer:
    table = _table(match[1], catalog, database)
    if not table.keys:
        raise QueryFailed(f"FAILED: SemanticException [Error 10001]: Table {table.name} is not partitioned")
    paths = sorted(_path(table, one) for one in catalog.partitions(table))
    return [ResultColumn("partition", "string")], [[path] for path in paths]


def _show_tables(match: re.Match[str], catalog: Catalog, database: str) -> Answer:
    name = (match[1] or database).strip('`"').lower()
    pattern = re.compile(".*".join(map(re.escape, (match[2] or "*").split("*"))))
    return [ResultColumn("tab_name", "string")], [
        [one] for one in catalog.tables(name) if pattern.fullmatch(one)
    ]


def _show_databases(match: re.Match[str], catalog: Catalog, database: str) -> Answer:
    del match, database
    pages = catalog.glue.get_paginator("get_databases").paginate()
    names = sorted(one["Name"] for page in pages for one in page["DatabaseList"])
    return [ResultColumn("database_name", "string")], [[name] for name in names]


def _describe(match: re.Match[str], catalog: Catalog, database: str) -> Answer:
    table = _table(match[1], catalog, database)
    lines = [_described(*one) for one in [*table.columns, *table.keys]]
    if table.keys:
        lines += ["\t \t ", "# Partition Information\t \t ", _described("# col_name", "data_type", "comment")]
        lines += ["\t \t ", *(_described(*one) for one in table.keys)]
    columns = [ResultColumn(name, "string") for name in ("col_name", "data_type", "comment")]
    return columns, [[line] for line in lines]


def _described(name: str, kind: str, comment: str = "") -> str:
    return f"{name:<20}\t{kind:<20}\t{comment:<20}"


_STATEMENTS: list[tuple[re.Pattern[str], Callable[[re.Match[str], Catalog, str], Answer]]] = [
    (re.compile(pattern, re.IGNORECASE), run)
    for pattern, run in (
        (rf"MSCK REPAIR TABLE {_NAME}", _repair),
        (
            rf"ALTER TABLE {_NAME} (ADD|DROP)( IF (?:NOT )?EXISTS)?"
            r"(?:,? PARTITION ?\([^)]*\)(?: LOCATION '[^']*')?)+",
            _alter,
        ),
        (rf"SHOW PARTITIONS {_NAME}", _show_partitions),
        (r"SHOW TABLES(?: (?:IN|FROM) ([\w`\"]+))?(?: '([^']*)')?", _show_tables),
        (r"SHOW (?:DATABASES|SCHEMAS)", _show_databases),
        (rf"DESC(?:RIBE)?(?: EXTENDED| FORMATTED)? {_NAME}", _describe),
    )
]
