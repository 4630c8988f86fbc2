"""Databases of the local PostgreSQL: made where absent, and their addresses."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from devstack.home import Home
from devstack.ports import LOOPBACK

if TYPE_CHECKING:
    from include.clients.postgres import PostgresAddress

USER = "postgres"
FUNDAMENTALS = "fundamentals"
AIRFLOW = "airflow"


def ensure_database(home: Home, port: int, name: str) -> None:
    """Create the database where it is absent."""
    import psycopg2
    from psycopg2 import sql

    connection = psycopg2.connect(
        host=LOOPBACK, port=port, user=USER, password=home.secret("postgres"), dbname="postgres"
    )
    with closing(connection), connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def sqlalchemy_url(home: Home, port: int, name: str, driver: str = "psycopg2") -> str:
    """Return the database's URL for SQLAlchemy; it has the password."""
    return f"postgresql+{driver}://{USER}:{home.secret('postgres')}@{LOOPBACK}:{port}/{name}"


def fundamentals_address(home: Home, port: int) -> PostgresAddress:
    """Return where the local fundamentals database is."""
    from include.clients.postgres import PostgresAddress

    return PostgresAddress(LOOPBACK, FUNDAMENTALS, USER, port, home.secret("postgres"))


def migrate_fundamentals(home: Home, port: int) -> None:
    """Create the fundamentals database where it is absent, and bring its schema to the newest."""
    from include.clients.postgres.migrate import migrate

    ensure_database(home, port, FUNDAMENTALS)
    migrate(fundamentals_address(home, port))
