"""The local default starts, survives being killed, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg2
import pytest

from devstack import processes
from devstack.services import ReplayOptions
from devstack.stack import Stack, StackNotUp
from devstack.supervisor import ServiceNotStarted

pytestmark = pytest.mark.integration
NAMES = ["aws", "postgres", "warehouse", "replay"]


def ask_warehouse(stack: Stack, statement: str) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{stack.supervisor.port('warehouse')}/",
        data=statement.encode(),
        headers={"X-ClickHouse-User": "tapeline", "X-ClickHouse-Key": stack.home.secret("warehouse")},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode().strip())


def connect_postgres(stack: Stack) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        host="127.0.0.1",
        port=stack.supervisor.port("postgres"),
        user="postgres",
        password=stack.home.secret("postgres"),
        dbname="fundamentals",
    )


def pids(stack: Stack) -> dict[str, int]:
    return {one.service: one.pid for one in stack.status()}


def ours(stack: Stack) -> list[psutil.Process]:
    """Return every process of the stack, PostgreSQL's own children included."""
    found = [process for name in NAMES for process in processes.marked(stack.supervisor.mark(name))]
    folder = str(stack.home.path)
    return found + [
        process for process in psutil.process_iter() if working_folder(process).startswith(folder)
    ]


def working_folder(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except psutil.Error:
        return ""


def await_checkpoint(stack: Stack, text: str) -> None:
    """Wait until the local AWS has written a state that contains `text`."""
    folder = stack.home.data("aws") / "services"
    deadline = time.monotonic() + 20
    while not any(text in file.read_text() for file in folder.glob("*.json")):
        assert time.monotonic() < deadline, f"{text} was never saved"
        time.sleep(0.1)


def test_a_started_stack_runs_every_service_and_down_leaves_no_process(
    new_stack: Callable[..., Stack],
) -> None:
    stack = new_stack()
    assert stack.up() == []
    assert {one.service: one.state for one in stack.status()} == dict.fromkeys(NAMES, "running")
    before = pids(stack)
    assert stack.up() == []
    assert pids(stack) == before, "a second `up` started something again"
    assert sorted(stack.down()) == sorted(NAMES)
    assert ours(stack) == []
    assert {one.state for one in stack.status()} == {"stopped"}
    with pytest.raises(StackNotUp, match="tapeline up"):
        stack.environment()


def test_what_was_written_survives_kill_9_of_every_service(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    stack.up()
    settings = stack.home.deployment()
    aws = stack.aws()
    aws.client("s3").put_object(Bucket=settings["RawBucket"], Key="kept/object", Body=b"bytes")
    aws.table(settings["IdempotencyTable"]).put_item(Item={"id": "kept-item", "status": "COMPLETED"})
    queue = aws.client("sqs").get_queue_url(QueueName=settings["ExtractDlq"])["QueueUrl"]
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="kept-message")
    ask_warehouse(stack, "CREATE TABLE default.kept (n Int64) ENGINE = MergeTree ORDER BY n")
    ask_warehouse(stack, "INSERT INTO default.kept SELECT number FROM numbers(1000)")
    with connect_postgres(stack) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 42 AS n")
    connection.close()
    await_checkpoint(stack, "kept-item")
    await_checkpoint(stack, "kept-message")
    ports = {name: stack.supervisor.port(name) for name in NAMES}

    killed = [psutil.Process(pid) for pid in pids(stack).values()]
    for process in killed:
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(killed, timeout=20)
    assert {one.state for one in stack.status()} == {"died"}
    stack.up()

    assert {name: stack.supervisor.port(name) for name in NAMES} == ports
    aws = stack.aws()
    found = aws.client("s3").get_object(Bucket=settings["RawBucket"], Key="kept/object")
    assert found["Body"].read() == b"bytes"
    assert aws.table(settings["IdempotencyTable"]).get_item(Key={"id": "kept-item"})["Item"]
    received = aws.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert [message["Body"] for message in received] == ["kept-message"]
    assert ask_warehouse(stack, "SELECT count(), sum(n) FROM default.kept") == "1000\t499500"
    with connect_postgres(stack) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT n FROM kept")
        assert cursor.fetchall() == [(42,)]
    connection.close()


def test_two_stacks_run_side_by_side_with_their_own_data(new_stack: Callable[..., Stack]) -> None:
    one, two = new_stack("one"), new_stack("two")
    one.up()
    two.up()
    assert {one.supervisor.port(name) for name in NAMES}.isdisjoint(
        two.supervisor.port(name) for name in NAMES
    )
    bucket = one.home.deployment()["RawBucket"]
    one.aws().client("s3").put_object(Bucket=bucket, Key="only/here", Body=b"")
    assert "Contents" not in two.aws().client("s3").list_objects_v2(Bucket=bucket)
    one.down()
    assert {status.state for status in two.status()} == {"running"}


def test_a_service_whose_port_was_taken_meanwhile_moves_and_says_so(
    new_stack: Callable[..., Stack],
) -> None:
    stack = new_stack()
    stack.up()
    stack.down()
    taken = stack.supervisor.port("replay")
    with socket.create_server(("127.0.0.1", taken)):
        notes = stack.up()
    assert len(notes) == 1
    assert f"port {taken} of replay is taken" in notes[0]
    assert stack.supervisor.port("replay") != taken
    assert f":{stack.supervisor.port('replay')}" in stack.environment()["AIRFLOW_CONN_YAHOO_DEFAULT"]


def test_a_service_that_cannot_start_shows_the_end_of_its_log(
    new_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    stack = new_stack()
    with pytest.raises(ServiceNotStarted, match=r"replay ended(?s:.)*replay\.log(?s:.)*nowhere\.csv"):
        stack.up(ReplayOptions(data=tmp_path / "nowhere.csv"))


def test_only_loopback_is_listened_on(running_stack: Stack) -> None:
    addresses = {
        connection.laddr.ip
        for pid in pids(running_stack).values()
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_two_ups_at_once_start_one_set_of_processes(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    code = f"from devstack.stack import Stack; Stack({str(stack.home.path)!r}).up()"
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    for name in NAMES[:1] + NAMES[2:]:
        assert len(processes.marked(stack.supervisor.mark(name))) == 1, name
