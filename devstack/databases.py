"""Databases of the local PostgreSQL: made where absent, and their addresses."""

from __future__ import annotations

from contextlib import closing

from devstack.home import Home
from devstack.ports import LOOPBACK

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
