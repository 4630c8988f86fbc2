"""The fundamentals database. Its other parts are imported where they are used, since they are heavy:

`include.clients.postgres.upsert` (polars, numpy), `.migrate` (Alembic, SQLAlchemy), `.backup`, `.tables`.
"""

from include.clients.postgres.address import PostgresAddress, address_from
from include.clients.postgres.client import Connection, Postgres

__all__ = ["Connection", "Postgres", "PostgresAddress", "address_from"]
