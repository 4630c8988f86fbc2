"""The SQL of the jobs, by file name."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=32)
def statement(name: str) -> str:
    """Return `sql/postgres/<name>.sql`; values are bound as `%(name)s`."""
    return (files("include.fundamentals") / "sql" / "postgres" / f"{name}.sql").read_text()
