"""Which statements carry data, and where it begins."""

from __future__ import annotations

import pytest

from devstack.warehouse.statement import insert_head, output_format


@pytest.mark.parametrize(
    ("text", "sql", "name", "data"),
    [
        (b"INSERT INTO t FORMAT Native\n\x01\x02", "INSERT INTO t ", "Native", b"\x01\x02"),
        (b"insert into t (a, b) format CSV\n1,2\n", "insert into t (a, b) ", "CSV", b"1,2\n"),
        (b"INSERT INTO t VALUES (1), (2)", "INSERT INTO t ", "Values", b" (1), (2)"),
        (b"-- why\nINSERT INTO t FORMAT TSV\n", "INSERT INTO t ", "TSV", b""),
        (b"/* select */ INSERT INTO t FORMAT TSV", "INSERT INTO t ", "TSV", b""),
        (b"INSERT INTO `format x` FORMAT TSV\n", "INSERT INTO `format x` ", "TSV", b""),
    ],
)
def test_an_insert_with_data(text: bytes, sql: str, name: str, data: bytes) -> None:
    head = insert_head(text)
    assert head is not None
    assert (head.sql, head.format, head.data) == (sql, name, data)


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 'INSERT INTO t FORMAT CSV'",
        b"INSERT INTO t SELECT 1 FORMAT CSV",
        b"INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x",
        b"",
        b"CREATE TABLE t (a Int8)",
    ],
)
def test_a_statement_without_data(text: bytes) -> None:
    assert insert_head(text) is None


@pytest.mark.parametrize(
    ("sql", "name"), [("SELECT 1 FORMAT JSON", "JSON"), ("SELECT 1 format csv ;", "csv"), ("SELECT 1", None)]
)
def test_the_format_a_query_asks_for(sql: str, name: str | None) -> None:
    assert output_format(sql) == name
