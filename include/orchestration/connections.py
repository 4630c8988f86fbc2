"""From Airflow connections and Variables to clients: the only place that asks Airflow where things are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from include.core.errors import InvalidSettings
from include.core.queues import queue_pairs
from include.core.settings import VARIABLE, Settings, parse_settings

if TYPE_CHECKING:
    from include.clients.aws import Aws
    from include.clients.fmp import FmpClient
    from include.clients.object_store import ObjectStore
    from include.clients.postgres import Postgres
    from include.clients.warehouse import Warehouse
    from include.clients.yahoo import YahooClient

AWS = "aws_default"
CLICKHOUSE = "clickhouse_default"
YAHOO = "yahoo_default"
FMP = "fmp_default"
FMP_REQUESTS_PER_MINUTE = 300.0
"""Where the connection's extra does not say `requests_per_minute`; FMP's plans begin there."""
FUNDAMENTALS = "fundamentals_db"


def settings() -> Settings:
    """Return the deployment's settings; raise `InvalidSettings` where they are missing or malformed."""
    from airflow.sdk import Variable

    return parse_settings(Variable.get(VARIABLE, default=None))


def aws(conn_id: str = AWS) -> Aws:
    """Return access to AWS as the connection says."""
    from airflow.sdk import BaseHook

    from include.clients.aws import Aws

    connection = BaseHook.get_connection(conn_id)
    extra = connection.extra_dejson
    return Aws(
        region=extra.get("region_name", "us-east-1"),
        endpoint_url=extra.get("endpoint_url"),
        access_key_id=connection.login or None,
        secret_access_key=connection.password or None,
        session_token=extra.get("aws_session_token"),
        role_arn=extra.get("role_arn"),
    )


def queue_name(title: str) -> str:
    """Return the name of the queue (not of its letters) that people call `title`."""
    found = {pair.title: pair.queue for pair in queue_pairs(settings().environment)}[title]
    if found is None:
        raise ValueError(f"{title!r} has letters only; nothing can be received")
    return found


def raw_store() -> ObjectStore:
    """Return the RAW bucket."""
    return aws().object_store(settings().raw_bucket)


def curated_store() -> ObjectStore:
    """Return the curated bucket."""
    return aws().object_store(settings().curated_bucket)


def yahoo(conn_id: str = YAHOO) -> YahooClient:
    """Return the market data client; the connection's host is Yahoo's base URL, or a replay server's."""
    from airflow.sdk import BaseHook

    from include.clients.yahoo import YahooClient

    host = BaseHook.get_connection(conn_id).host
    if not host:
        raise InvalidSettings(
            f"The connection {conn_id!r} has no host. Set it to https://query2.finance.yahoo.com, or to the "
            "URL of a replay server."
        )
    return YahooClient(host)


def fmp(conn_id: str = FMP, *, cached: bool = True) -> FmpClient:
    """Return the fundamentals client: host and password (the API key) are the connection's.

    Its rate limit is shared by all tasks. `cached`: whether answers of the same day may come from the RAW
    bucket.
    """
    from airflow.sdk import BaseHook

    from include.clients.fmp import AnswerCache, FmpClient
    from include.clients.rate_limit import RateLimit

    connection = BaseHook.get_connection(conn_id)
    per_minute = connection.extra_dejson.get("requests_per_minute", FMP_REQUESTS_PER_MINUTE)
    return FmpClient(
        connection.host or "",
        connection.password or "",
        rate_limit=RateLimit(aws().table(settings().source_table), "fmp", float(per_minute)),
        cache=AnswerCache(raw_store()) if cached else None,
    )


def warehouse(conn_id: str = CLICKHOUSE, *, memory_mb: int | None = None) -> Warehouse:
    """Return an open warehouse; the connection's extra says by which interface.

    `memory_mb`: what one statement may hold there, where that is less than the server allows.
    """
    from airflow.sdk import BaseHook

    from include.clients.warehouse import address_from, open_warehouse

    connection = BaseHook.get_connection(conn_id)
    address = address_from(
        connection.host, connection.port, connection.login, connection.password, connection.extra_dejson
    )
    return open_warehouse(replace(address, memory_mb=memory_mb))


def fundamentals(conn_id: str = FUNDAMENTALS, *, connect_timeout: int | None = None) -> Postgres:
    """Return the fundamentals database; nothing is connected before it is used.

    `connect_timeout`: seconds until a connection must stand, where that is other than the connection's.
    """
    from airflow.sdk import BaseHook

    from include.clients.postgres import Postgres, address_from

    connection = BaseHook.get_connection(conn_id)
    address = address_from(
        connection.host, connection.port, connection.schema, connection.login, connection.password,
        connection.extra_dejson,
    )  # fmt: skip
    return Postgres(replace(address, connect_timeout=connect_timeout or address.connect_timeout))
