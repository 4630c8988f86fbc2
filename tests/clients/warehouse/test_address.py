"""What an Airflow connection means."""

from __future__ import annotations

from typing import Any

import pytest

from include.clients.warehouse import WarehouseAddress, address_from
from include.core.errors import InvalidSettings


def test_a_bare_connection_is_http_with_its_usual_port() -> None:
    assert address_from("h", None, None, None, {}) == WarehouseAddress("h", 8123)


def test_the_extra_chooses_the_interface_and_who_reads_s3() -> None:
    extra = {"interface": "native", "s3_access": "server", "secure": True, "timeout": 5}
    assert address_from("h", None, "u", "p", extra) == WarehouseAddress(
        "h", 9000, "u", "p", interface="native", secure=True, s3_access="server", timeout=5
    )


@pytest.mark.parametrize(
    ("host", "extra"), [(None, {}), ("h", {"interface": "grpc"}), ("h", {"s3_access": "both"})]
)
def test_a_connection_that_cannot_be_meant_is_refused(host: str | None, extra: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettings, match="warehouse's connection"):
        address_from(host, None, None, None, extra)


def test_the_password_is_not_shown() -> None:
    assert "hidden" not in repr(WarehouseAddress("h", 1, password="hidden"))
