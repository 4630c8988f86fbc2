from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from include.clients.postgres import Postgres, PostgresAddress
from include.clients.postgres.client import connect
from include.clients.postgres.migrate import migrate
from include.clients.postgres.migrations import FOLDER
from include.clients.postgres.tables import TABLES
from include.clients.postgres.upsert import upsert
from include.core.errors import CredentialsMissing, DatabaseUnavailable, MigrationFailed
from tests.clients.postgres.frames import checksum, prices

pytestmark = pytest.mark.integration

ADR = Path(__file__).parents[3] / "docs/adr/0024-fundamentals-and-the-execution-log-share-one-database.md"
COLUMNS = (
    "SELECT table_name, column_name, data_type FROM information_schema.columns "
    "WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
)


@pytest.fixture
def newer(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a copy of the migrations with one more, of the given SQL."""

    def make(statements: str) -> Path:
        folder = shutil.copytree(FOLDER, tmp_path / "migrations")
        first = next((folder / "versions").glob("0001_*.py")).read_text()
        text = first.replace('revision = "0001"', 'revision = "0002"').replace("= None", '= "0001"')
        (folder / "versions" / "0002_more.py").write_text(text)
        (folder / "versions" / "0002_more.sql").write_text(statements)
        return folder

    return make


def _columns(address: PostgresAddress) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    with connect(address) as connection:
        for row in connection.execute(COLUMNS):
            found.setdefault(row["table_name"], {})[row["column_name"]] = row["data_type"]
    return found


def test_an_empty_database_gets_every_table_of_the_decision(address: PostgresAddress) -> None:
    decided = {line.split("`")[1] for line in ADR.read_text().splitlines() if line.startswith("| `")}
    assert len(decided) == 7
    assert decided <= _columns(address).keys()


def test_what_frames_are_written_to_is_what_the_database_has(address: PostgresAddress) -> None:
    found = _columns(address)
    for table in TABLES.values():
        columns = found[table.name]
        own = {"updated_at", "id"} & columns.keys()
        assert {name: columns[name] for name in columns if name not in own} == table.columns
        assert table.has_updated_at == ("updated_at" in own)
    with connect(address) as connection:
        rows = connection.execute(
            "SELECT conrelid::regclass::text AS name, pg_get_constraintdef(oid) AS key FROM pg_constraint "
            "WHERE contype = 'p' AND conparentid = 0"
        ).fetchall()
    keys = {row["name"]: tuple(re.findall(r"\w+", row["key"])[2:]) for row in rows}
    assert {name: keys[name] for name in TABLES} == {name: table.key for name, table in TABLES.items()}


def test_this_year_and_the_next_have_their_partitions(address: PostgresAddress) -> None:
    year = datetime.now(timezone.utc).year
    ahead = {f"{table}_{year + 1}" for table in ("daily_prices", "daily_ma")}
    assert ahead <= _columns(address).keys()


def test_migrating_twice_or_many_at_once_is_migrating_once(empty: PostgresAddress) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(migrate, [empty] * 4)) == {"0001"}
    before = _columns(empty)
    assert migrate(empty) == "0001"
    assert _columns(empty) == before


def test_a_database_with_data_keeps_it(database: Postgres, newer: Callable[[str], Path]) -> None:
    with database.connection() as connection:
        upsert(connection, "daily_prices", prices())
    before = database.query("SELECT * FROM daily_prices ORDER BY symbol, date")
    folder = newer("-- 100 % of them\nALTER TABLE daily_prices ADD COLUMN vwap double precision; SELECT 1;")
    assert migrate(database.address, folder) == "0002"
    after = database.query("SELECT * FROM daily_prices ORDER BY symbol, date")
    assert after == [row | {"vwap": None} for row in before]


def test_a_migration_that_fails_halfway_leaves_all_as_it_was(
    database: Postgres, newer: Callable[[str], Path]
) -> None:
    with database.connection() as connection:
        upsert(connection, "daily_prices", prices())
    columns, rows = _columns(database.address), checksum(database, "daily_prices")
    folder = newer(
        "DROP TABLE ratios; DELETE FROM daily_prices; ALTER TABLE symbols ADD CHECK (nothing > 0);"
    )
    with pytest.raises(
        MigrationFailed, match='all of it was undone: column "nothing" does not exist'
    ) as caught:
        migrate(database.address, folder)
    assert database.address.password not in str(caught.value)
    assert (_columns(database.address), checksum(database, "daily_prices")) == (columns, rows)
    assert migrate(database.address) == "0001"


def test_a_first_migration_that_fails_leaves_an_empty_database(
    empty: PostgresAddress, newer: Callable[[str], Path]
) -> None:
    with pytest.raises(MigrationFailed):
        migrate(empty, newer("SELECT 1 / 0;"))
    assert _columns(empty) == {}
    assert migrate(empty) == "0001"


def test_a_database_that_is_newer_than_the_code_is_left_as_it_is(
    address: PostgresAddress, newer: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    """So the code of before can be deployed again after an upgrade."""
    migrate(address, newer("ALTER TABLE ratios ADD COLUMN beta double precision;"))
    before = _columns(address)
    assert migrate(address) == "0002"
    assert _columns(address) == before
    assert "newer than 0001 of this code" in caplog.text


def test_airflows_own_database_is_not_mistaken_for_ours(empty: PostgresAddress) -> None:
    with connect(empty) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
        connection.execute("INSERT INTO alembic_version VALUES ('9fe2a5c0b1d3')")
    assert migrate(empty) == "0001"
    with connect(empty) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            {"version_num": "9fe2a5c0b1d3"}
        ]


def test_a_server_that_is_away_is_tried_again_and_a_wrong_password_is_not(server: PostgresAddress) -> None:
    with pytest.raises(DatabaseUnavailable):
        migrate(replace(server, port=1))
    with pytest.raises(CredentialsMissing):
        migrate(replace(server, password="wrong"))
