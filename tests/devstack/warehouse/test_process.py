"""The local warehouse as a process: it keeps what it was told, and says in one line why it cannot start."""

from __future__ import annotations

import base64
import signal
import socket

import pytest

pytestmark = pytest.mark.integration
MAKE = "CREATE TABLE kept (a Int64) ENGINE = MergeTree ORDER BY a"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_rows_that_were_acknowledged_outlive_the_process(launch, tmp_path, number):
    first = launch(tmp_path)
    first.value(MAKE)
    first.value("INSERT INTO kept SELECT number FROM numbers(1000)")
    code = first.end(number)
    again = launch(tmp_path)
    assert again.value("SELECT count(), sum(a) FROM kept") == "1000\t499500"
    assert code == (0 if number == signal.SIGTERM else -signal.SIGKILL)


def test_a_folder_belongs_to_one_process(warehouse, refused):
    code, said = refused(warehouse.data, 0)
    assert (code, said.count("\n")) == (1, 1)
    assert str(warehouse.data) in said
    assert f"pid {warehouse.process.pid}" in said
    assert warehouse.value("SELECT 1") == "1"


def test_a_taken_port_is_named(refused, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = refused(tmp_path, port)
    assert (code, said.count("\n")) == (1, 1)
    assert f"Port {port}" in said


def test_a_folder_that_cannot_be_made_is_named(refused, tmp_path):
    (tmp_path / "file").write_text("no folder")
    code, said = refused(tmp_path / "file" / "data", 0)
    assert (code, said.count("\n")) == (1, 1)
    assert str(tmp_path / "file") in said


def test_only_the_right_password_is_let_in(launch, tmp_path):
    warehouse = launch(tmp_path, TAPELINE_WAREHOUSE_PASSWORD="right")
    basic = {"Authorization": "Basic " + base64.b64encode(b"default:right").decode()}
    keyed = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": "right"}
    for good in (basic, keyed):
        assert warehouse.ask("SELECT 1", headers=good).text == "1\n"
    wrong = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": "wrong"}
    other = {"X-ClickHouse-User": "somebody", "X-ClickHouse-Key": "right"}
    for bad in (wrong, other, {}):
        answer = warehouse.ask("SELECT 1", headers=bad)
        assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
        assert "right" not in answer.text
