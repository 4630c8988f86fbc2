"""One chDB engine on one data directory, with bounded memory and threads."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from devstack.warehouse.errors import QueryFailed, query_failed

_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class WarehouseNotStarted(Exception):
    """The local warehouse cannot start; the message says why and what to do."""


@dataclass(frozen=True)
class EngineLimits:
    """What the engine may use of the machine."""

    server_memory_bytes: int = 1_000_000_000
    """All queries together, caches included."""
    query_memory_bytes: int = 1_000_000_000
    """One query."""
    threads: int = 2
    """Threads of one query."""
    concurrent_queries: int = 16
    """Requests that run at once; the next one is answered 503."""
    result_bytes: int = 1_000_000_000
    """A result in a format that must be built whole in memory."""


class Engine:
    """Owns the data directory; every request gets a connection of its own (own settings, own database)."""

    def __init__(self, data: Path, limits: EngineLimits | None = None) -> None:
        self.limits = limits or EngineLimits()
        self._path = _writable(data)
        self._lock = _locked(self._path)
        # Loaded late: a command that only asks for --help need not load 500 MB of library.
        import chdb

        self._chdb = chdb
        try:
            self._root = chdb.connect(
                f"{self._path}?max_server_memory_usage={self.limits.server_memory_bytes}"
                f"&max_table_size_to_drop=0&max_partition_size_to_drop=0"
            )
        except RuntimeError as error:
            self._lock.close()
            raise WarehouseNotStarted(
                f"ClickHouse cannot open {self._path}: {_reason(error)}. Another program may be using it; "
                "stop that, or give another --data folder."
            ) from error

    @contextmanager
    def connection(self, settings: Mapping[str, str], database: str | None = None) -> Iterator[Any]:
        """Yield a connection with the limits and then `settings` applied; unknown ones are refused."""
        limits = self.limits
        try:
            connection = self._chdb.connect(
                f"{self._path}?max_threads={limits.threads}&max_insert_threads=1"
                f"&max_memory_usage={limits.query_memory_bytes}"
                # s3() may use this process's own AWS credentials: they never enter SQL text.
                "&s3_allow_server_credentials_in_user_queries=1"
            )
        except RuntimeError as error:
            raise query_failed(error) from error
        try:
            if database:
                _run(connection, f"USE {_identifier(database)}")
            for name, value in settings.items():
                if not _SETTING.fullmatch(name):
                    raise QueryFailed(115, f"Unknown setting {name!r}. (UNKNOWN_SETTING)")
                _run(connection, f"SET {name} = {_literal(value)}")
            yield connection
        finally:
            connection.close()

    def close(self) -> None:
        """Write what is in memory and let go of the directory."""
        self._root.close()
        self._lock.close()


def _run(connection: Any, sql: str) -> None:
    try:
        connection.query(sql)
    except RuntimeError as error:
        raise query_failed(error) from error


def _literal(value: str) -> str:
    if re.fullmatch(r"-?\d+(\.\d+)?", value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _writable(data: Path) -> Path:
    path = data.expanduser().resolve()
    if "?" in str(path):
        raise WarehouseNotStarted(f"The data folder's name must not contain a question mark: {path}")
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".writable"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise WarehouseNotStarted(
            f"The data folder {path} cannot be written: {error.strerror or error}. Give another --data folder, "
            "make it writable, or free disk space."
        ) from error
    return path


def _locked(path: Path) -> IO[bytes]:
    """Lock the folder for the life of this process; the kernel lets go of it whatever ends us."""
    handle = (path / ".tapeline-warehouse.lock").open("a+b")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        owner = handle.read(32).decode(errors="replace") or "unknown"
        handle.close()
        raise WarehouseNotStarted(
            f"The data folder {path} is in use by another warehouse process (pid {owner}). Use that one, stop "
            "it, or give another --data folder."
        ) from error
    handle.truncate(0)
    handle.write(str(os.getpid()).encode())
    handle.flush()
    return handle


def _reason(error: Exception) -> str:
    return query_failed(error).text.strip().splitlines()[0]
