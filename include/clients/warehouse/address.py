"""Where the warehouse is and how it is spoken to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from include.core.errors import InvalidSettings

Interface = Literal["http", "native"]
S3Access = Literal["server", "stream"]
PORTS: dict[str, int] = {"http": 8123, "native": 9000}


@dataclass(frozen=True)
class WarehouseAddress:
    """One ClickHouse and our user there."""

    host: str
    port: int
    user: str = "default"
    password: str = field(default="", repr=False)
    interface: Interface = "http"
    secure: bool = False
    s3_access: S3Access = "stream"
    """`server`: ClickHouse may read our buckets itself by `s3()`; `stream`: we send it the rows."""
    timeout: int = 300
    """Seconds that one statement may take."""
    memory_mb: int | None = None
    """What one statement may hold in the server, MB of 2^20 bytes; None: as much as the server allows."""

    @property
    def settings(self) -> dict[str, int]:
        """Settings of the server for every statement."""
        return {} if self.memory_mb is None else {"max_memory_usage": self.memory_mb << 20}


def address_from(
    host: str | None, port: int | None, login: str | None, password: str | None, extra: Mapping[str, Any]
) -> WarehouseAddress:
    """Return the address that an Airflow connection means; `extra` has interface, s3_access, secure, timeout."""
    interface = extra.get("interface", "http")
    access = extra.get("s3_access", "stream")
    if not host or interface not in get_args(Interface) or access not in get_args(S3Access):
        raise InvalidSettings(
            f"The warehouse's connection needs a host (given: {host!r}) and in its extra `interface` http or "
            f"native (given: {interface!r}) and `s3_access` server or stream (given: {access!r})."
        )
    return WarehouseAddress(
        host=host,
        port=port or PORTS[interface],
        user=login or "default",
        password=password or "",
        interface=interface,
        secure=bool(extra.get("secure", False)),
        s3_access=access,
        timeout=int(extra.get("timeout", 300)),
    )
