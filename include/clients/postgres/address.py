"""Where the fundamentals database is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from include.core.errors import InvalidSettings

PORT = 5432
VARIABLE = "AIRFLOW_CONN_FUNDAMENTALS_DB"
"""Where Airflow finds the connection `fundamentals_db` in the environment."""


@dataclass(frozen=True)
class PostgresAddress:
    """One database of one PostgreSQL, and our user there."""

    host: str
    database: str
    user: str
    port: int = PORT
    password: str = field(default="", repr=False)
    sslmode: str = "prefer"
    """As libpq has it: `disable`, `prefer`, `require`, `verify-full` …"""
    connect_timeout: int = 10
    """Seconds until a connection must stand (libpq's least is 2)."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}/{self.database}"

    @property
    def arguments(self) -> dict[str, Any]:
        """Keywords of `psycopg.connect`; they have the password."""
        return {
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "user": self.user,
            "password": self.password,
            "sslmode": self.sslmode,
            "connect_timeout": self.connect_timeout,
            "application_name": "tapeline",
            # a server or network that is silently gone is noticed within a minute, not after two hours
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "options": "-c timezone=UTC",
        }


def address_from(
    host: str | None,
    port: int | None,
    database: str | None,
    login: str | None,
    password: str | None,
    extra: Mapping[str, Any],
) -> PostgresAddress:
    """Return the address that an Airflow connection means; `extra` may have sslmode and connect_timeout."""
    if not (host and database and login):
        raise InvalidSettings(
            "The fundamentals database's connection needs a host, a schema (the database's name) and a login "
            f"(given: {host!r}, {database!r}, {login!r})."
        )
    return PostgresAddress(
        host=host,
        database=database,
        user=login,
        port=port or PORT,
        password=password or "",
        sslmode=str(extra.get("sslmode", "prefer")),
        connect_timeout=int(extra.get("connect_timeout", 10)),
    )


def parse_address(text: str | None) -> PostgresAddress:
    """Return the address in an Airflow connection's JSON or URI; `InvalidSettings` says what is wrong with it."""
    if not text:
        raise InvalidSettings(
            f"{VARIABLE} is not set, so it is not known where the fundamentals database is."
        )
    try:
        fields = json.loads(text) if text.lstrip().startswith("{") else _fields_of_uri(text)
        extra = fields.get("extra") or {}
        return address_from(
            fields.get("host"), fields.get("port"), fields.get("schema"), fields.get("login"),
            fields.get("password"), json.loads(extra) if isinstance(extra, str) else extra,
        )  # fmt: skip
    except ValueError:  # its text could have the password
        raise InvalidSettings(f"{VARIABLE} is neither Airflow's JSON nor its URI form.") from None


def _fields_of_uri(text: str) -> dict[str, Any]:
    parts = urlsplit(text)
    return {
        "host": parts.hostname,
        "port": parts.port,
        "schema": unquote(parts.path.lstrip("/")),
        "login": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "extra": dict(parse_qsl(parts.query)),
    }
