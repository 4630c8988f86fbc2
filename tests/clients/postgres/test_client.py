from __future__ import annotations

import json
import logging
from dataclasses import replace
from urllib.parse import quote

import pytest

from include.clients.postgres import Postgres, PostgresAddress
from include.clients.postgres.address import parse_address
from include.clients.postgres.client import connect
from include.core.errors import (
    ConstraintViolated,
    CredentialsMissing,
    DatabaseConflict,
    DatabaseUnavailable,
    InvalidSettings,
    StatementFailed,
)

ADDRESS = PostgresAddress("db", "fundamentals", "me", 6543, "p@ss/w:ord")


@pytest.mark.integration
def test_a_block_is_one_transaction(database: Postgres) -> None:
    insert = "INSERT INTO symbols (symbol, exchange) VALUES (%s, 'NYSE')"
    with database.connection() as connection:
        connection.execute(insert, ["A"])
        assert database.query("SELECT * FROM symbols") == []

    def fail() -> None:
        with database.connection() as connection:
            connection.execute(insert, ["B"])
            raise KeyError("of the caller")

    with pytest.raises(KeyError):
        fail()
    assert database.query("SELECT symbol FROM symbols") == [{"symbol": "A"}]
    assert database.execute("UPDATE symbols SET name = %(name)s", {"name": "'; DROP TABLE symbols; --"}) == 1


@pytest.mark.integration
def test_what_goes_wrong_is_ours_by_name(database: Postgres) -> None:
    with pytest.raises(StatementFailed, match="syntax error"):
        database.query("SELEC 1")
    with pytest.raises(ConstraintViolated, match=r"symbols_exchange_check.*ZZ"):
        database.execute("INSERT INTO symbols (symbol, exchange) VALUES ('ZZ', 'LSE')")
    with database.connection() as connection:
        connection.execute("LOCK TABLE symbols IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseConflict):
            database.execute("LOCK TABLE symbols IN ACCESS SHARE MODE NOWAIT")


@pytest.mark.integration
def test_a_connection_that_was_dropped_is_replaced_at_the_next_use(database: Postgres) -> None:
    (row,) = database.query("SELECT pg_backend_pid() AS pid")
    with connect(database.address) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [row["pid"]])
    assert database.query("SELECT pg_backend_pid() <> %s AS another", [row["pid"]]) == [{"another": True}]


@pytest.mark.integration
def test_what_cannot_be_connected_to_says_so_at_once_and_never_the_password(
    server: PostgresAddress, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = {
        replace(server, port=1): DatabaseUnavailable,
        replace(server, password="another-secret"): CredentialsMissing,
        replace(server, user="nobody"): CredentialsMissing,
        replace(server, database="none"): StatementFailed,
    }
    for address, kind in wrong.items():
        with Postgres(address) as database, pytest.raises(kind) as caught:
            database.query("SELECT 1")
        for text in (str(caught.value), repr(caught.value), repr(database), repr(address), caplog.text):
            assert address.password not in text


def test_an_airflow_connection_is_read_in_both_its_forms() -> None:
    fields = {"conn_type": "postgres", "host": "db", "port": 6543, "schema": "fundamentals", "login": "me"}
    as_json = json.dumps(fields | {"password": ADDRESS.password, "extra": {"sslmode": "require"}})
    as_uri = f"postgres://me:{quote(ADDRESS.password, safe='')}@db:6543/fundamentals?sslmode=require"
    assert parse_address(as_json) == parse_address(as_uri) == replace(ADDRESS, sslmode="require")


@pytest.mark.parametrize("text", [None, "", "{", '{"host": "db"}', "postgres://me:secret@db:port/f"])
def test_a_connection_that_says_too_little_is_refused_without_its_password(text: str | None) -> None:
    with pytest.raises(InvalidSettings) as caught:
        parse_address(text)
    assert "secret" not in str(caught.value)
