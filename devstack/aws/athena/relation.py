"""A Glue table as a query of DuckDB's over the table's files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlglot import exp

from devstack.aws.athena.catalog import Table
from devstack.aws.athena.errors import unsupported
from devstack.aws.athena.files import DataFile, Files
from devstack.aws.athena.json_lines import Spelling, by_spelling, tidied

Columns = Sequence[tuple[str, Any]]
"""Lower-case names and sqlglot's types."""


def literal(text: object) -> str:
    """Return text as SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def duck_type(hive: str) -> Any:
    """Return the tree of a Hive type."""
    return exp.DataType.build(hive, dialect="hive")


def relation(table: Table, data: Sequence[DataFile], files: Files) -> str:
    """Return the SELECT that gives the table's rows: columns first, then partition keys."""
    columns = [(name, duck_type(kind)) for name, kind in table.columns]
    keys = [(name, duck_type(kind)) for name, kind in table.keys]
    if not data:
        nulls = (f"CAST(NULL AS {kind.sql('duckdb')}) AS {identifier(name)}" for name, kind in columns + keys)
        return f"SELECT {', '.join(nulls)} WHERE false"
    serde: Mapping[str, Any] = table.storage.get("SerdeInfo") or {}
    library = str(serde.get("SerializationLibrary", "")).lower()
    if "parquet" in library:
        return _read_parquet(columns, keys, files.placed(data, keys))
    if "json" in library:
        lines = files.tidied(data, tidied)
        return " UNION ALL ".join(_read_json(columns, keys, files.placed(lines, keys), serde))
    raise unsupported(f"SerDe {library or 'without a name'}")


def _read_json(
    columns: Columns, keys: Columns, paths: Sequence[str], serde: Mapping[str, Any]
) -> Iterator[str]:
    options = {name.lower(): value for name, value in (serde.get("Parameters") or {}).items()}
    mapped = [name for name in options if name.startswith("mapping.")]
    if mapped:
        raise unsupported(f"SerDe property {mapped[0]}")
    ignored = options.get("ignore.malformed.json", "false").lower() == "true"
    for spelling, group in by_spelling(paths):
        spelled = [
            (_spelled(name, spelling), _respelled(kind, _inside(name, spelling))) for name, kind in columns
        ]
        wanted = ", ".join(f"{literal(name)}: {literal(kind.sql('duckdb'))}" for name, kind in spelled)
        shown = [
            f"{identifier(theirs)} AS {identifier(name)}"
            for (name, _), (theirs, _) in zip(columns, spelled, strict=True)
        ]
        names = ", ".join(shown + [identifier(name) for name, _ in keys])
        reading = f"format='newline_delimited', ignore_errors={str(ignored).lower()}, {_hive(keys)}"
        source = f"read_json({_list(group)}, columns={{{wanted}}}, {reading})"
        yield f"SELECT {names} FROM {source}"  # noqa: S608 - names and paths are quoted


def _read_parquet(columns: Columns, keys: Columns, paths: Sequence[str]) -> str:
    shown = [
        f"CAST({identifier(name)} AS {kind.sql('duckdb')}) AS {identifier(name)}" for name, kind in columns
    ]
    shown += [identifier(name) for name, _ in keys]
    return f"SELECT {', '.join(shown)} FROM read_parquet({_list(paths)}, union_by_name=true, {_hive(keys)})"  # noqa: S608


def _hive(keys: Columns) -> str:
    """Return how DuckDB takes the partition's values from the path."""
    if not keys:
        return "hive_partitioning=false"
    types = ", ".join(f"{literal(name)}: {kind.sql('duckdb')}" for name, kind in keys)
    return f"hive_partitioning=true, hive_types={{{types}}}"


def _list(paths: Sequence[str]) -> str:
    return "[" + ", ".join(map(literal, paths)) + "]"


def _spelled(name: str, spelling: Spelling) -> str:
    return spelling[name.lower()][0] if name.lower() in spelling else name


def _inside(name: str, spelling: Spelling) -> Spelling:
    return spelling.get(name.lower(), ("", {}))[1]


def _respelled(kind: Any, spelling: Spelling) -> Any:
    """Return the type with its fields spelled as in the data, for DuckDB takes keys by their case."""
    kind = kind.copy()
    if kind.this is exp.DataType.Type.STRUCT:
        for field in kind.expressions:
            field.set("kind", _respelled(field.args["kind"], _inside(field.name, spelling)))
            field.set("this", exp.to_identifier(_spelled(field.name, spelling), quoted=True))
    elif kind.this in (exp.DataType.Type.ARRAY, exp.DataType.Type.LIST):
        kind.set("expressions", [_respelled(kind.expressions[0], spelling)])
    return kind
