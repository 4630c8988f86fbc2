"""What goes wrong at the warehouse is named, with the seeds' code, and says whether trying again helps."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from include.clients.warehouse import WarehouseAddress, open_warehouse
from include.clients.warehouse.failures import statement_error
from include.core.errors import (
    CredentialsMissing,
    ObjectChanged,
    ObjectMissing,
    SchemaMismatch,
    StatementFailed,
    TapelineError,
    TerminalError,
    TransientError,
    WarehouseOutOfMemory,
    WarehouseTimeout,
    WarehouseUnavailable,
)

ADDRESS = WarehouseAddress("127.0.0.1", 1, password="secret")


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says anything."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (159, WarehouseTimeout), (202, WarehouseUnavailable), (241, WarehouseOutOfMemory), (516, CredentialsMissing),
        (53, SchemaMismatch), (62, StatementFailed), (60, StatementFailed), (395, ObjectChanged),
    ],
)  # fmt: skip
def test_each_code_of_clickhouse_has_our_error(code: int, kind: type[TapelineError]) -> None:
    assert type(statement_error(f"Code: {code}. DB::Exception: x", ADDRESS)) is kind
    assert type(statement_error("x", ADDRESS, code)) is kind


def test_a_missing_object_of_s3_is_told_from_other_faults_of_it() -> None:
    missing = "Code: 499. DB::Exception: HTTP response code: 404: while reading 'a' (S3_ERROR)"
    refused = "Code: 499. DB::Exception: Access Denied. HTTP response code: 403: while reading 'a' (S3_ERROR)"
    away = "Code: 499. DB::Exception: Connection refused: while reading 'a' (S3_ERROR)"
    assert isinstance(statement_error(missing, ADDRESS), ObjectMissing)
    assert isinstance(statement_error(refused, ADDRESS), CredentialsMissing)
    assert isinstance(statement_error(away, ADDRESS), TransientError)


@pytest.mark.parametrize("error", [WarehouseTimeout, WarehouseUnavailable, WarehouseOutOfMemory])
def test_the_seeds_codes_are_transient(error: type[TransientError]) -> None:
    assert issubclass(error, TransientError)
    assert not issubclass(error, TerminalError)


@pytest.mark.integration
@pytest.mark.parametrize("interface", ["http", "native"])
def test_a_warehouse_that_is_down_is_e005(interface: str, closed_port: int) -> None:
    address = replace(ADDRESS, interface=interface, port=closed_port)
    with pytest.raises(WarehouseUnavailable, match=f"127.0.0.1:{closed_port}") as caught:
        open_warehouse(address).query("SELECT 1")
    assert caught.value.code == "E005"
    assert "secret" not in str(caught.value)


@pytest.mark.integration
@pytest.mark.parametrize("interface", ["http", "native"])
def test_a_warehouse_that_does_not_answer_is_e004(interface: str, silent_port: int) -> None:
    address = replace(ADDRESS, interface=interface, port=silent_port, timeout=1)
    with pytest.raises(WarehouseTimeout) as caught:
        open_warehouse(address).query("SELECT 1")
    assert caught.value.code == "E004"


@pytest.mark.integration
def test_a_statement_over_its_time_is_e004(http_address: WarehouseAddress) -> None:
    warehouse = open_warehouse(replace(http_address, timeout=1))
    with pytest.raises(WarehouseTimeout):
        warehouse.query("SELECT sleep(3)")


@pytest.mark.integration
def test_a_statement_that_needs_too_much_memory_is_e006(http_address: WarehouseAddress) -> None:
    with open_warehouse(http_address) as warehouse, pytest.raises(WarehouseOutOfMemory) as caught:
        warehouse.query("SELECT length(groupArray(number)) FROM numbers(400000000)")
    assert caught.value.code == "E006"


@pytest.mark.integration
@pytest.mark.parametrize("which", ["http_address", "native_address"])
def test_a_statement_over_the_memory_of_its_connection_is_e006(
    which: str, request: pytest.FixtureRequest
) -> None:
    address = request.getfixturevalue(which)
    hungry = "SELECT length(groupArray(number)) AS numbers FROM numbers(4000000)"
    with open_warehouse(replace(address, memory_mb=8)) as warehouse, pytest.raises(WarehouseOutOfMemory):
        warehouse.query(hungry)
    with open_warehouse(replace(address, memory_mb=512)) as warehouse:
        assert warehouse.query(hungry).to_pylist() == [{"numbers": 4_000_000}]


@pytest.mark.integration
@pytest.mark.parametrize("which", ["http_address", "native_address"])
def test_a_statement_that_cannot_be_run_is_terminal(which: str, request: pytest.FixtureRequest) -> None:
    with open_warehouse(request.getfixturevalue(which)) as warehouse:
        with pytest.raises(StatementFailed):
            warehouse.query("SELECT * FROM no_such_table")
        with pytest.raises(StatementFailed):
            warehouse.execute("CREATE TABEL x")
        assert warehouse.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]


@pytest.mark.integration
def test_a_wrong_password_is_named(native_address: WarehouseAddress) -> None:
    with pytest.raises(CredentialsMissing):
        open_warehouse(replace(native_address, user="nobody", password="wrong")).query("SELECT 1")
