"""A queue is emptied into the warehouse: any tables, as many messages as asked for, no file to another's harm."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.clients.queues import Message, Queue
from include.core.errors import StatementFailed
from tests.load.loads import Loads, bars
from tests.load.own_warehouse import before_rows, refusing

pytestmark = pytest.mark.integration


def table_file(**columns: list[Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_files_are_loaded_and_their_messages_deleted(loads: Loads) -> None:
    for n in range(7):
        loads.put(bars(f"S{n}"), f"part-{n:03d}.parquet")
    counts = loads.drain()
    assert (counts.loaded, counts.skipped, counts.rows, counts.letters) == (7, 0, 7, 0)
    assert loads.symbols() == [f"S{n}" for n in range(7)]
    assert loads.is_empty()


def test_each_file_is_audited_with_the_correlation_id_of_its_own_message(loads: Loads) -> None:
    sent = {}
    for n in range(3):
        key = loads.key(f"part-{n:03d}.parquet")
        loads.store.write(key, bars(f"S{n}"))
        sent[key] = loads.announce(key)
    loads.drain()
    found = loads.ask(
        f"SELECT file_path, correlation_id FROM market.load_audit WHERE table_name = '{loads.name}'"
    )
    assert {row["file_path"]: row["correlation_id"] for row in found} == sent


def test_a_domain_without_tables_gets_them_from_its_files(make_loads: Callable[..., Loads]) -> None:
    loads = make_loads("customer")
    loads.put(table_file(id=[1, 2], name=["Kim", None]), "a.parquet")
    refused = loads.put(table_file(id=["one"], name=["Lee"]), "b.parquet")
    loads.put(table_file(id=[3], name=["Park"], city=["Seoul"]), "c.parquet")
    counts = loads.drain(batch_size=1)
    assert (counts.loaded, counts.rows) == (2, 3)
    rows = loads.ask(f"SELECT id, name, city FROM customer.{loads.name} ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [(1, "Kim", None), (2, None, None), (3, "Park", "Seoul")]
    (letter,) = loads.letters()
    assert (letter.key, letter.code, letter.error) == (refused, "E003", "SchemaMismatch")


def test_files_of_several_tables_wait_in_one_queue(loads: Loads) -> None:
    other = loads.key("x.parquet").replace(loads.name, f"{loads.name}_other")
    loads.put(bars("ONE"))
    loads.store.write(other, table_file(n=[5]))
    loads.announce(other)
    assert loads.drain().loaded == 2
    assert loads.symbols() == ["ONE"]
    assert loads.ask(f"SELECT n FROM market.{loads.name}_other") == [{"n": 5}]


def test_a_table_that_nobody_may_have_is_a_letter(loads: Loads) -> None:
    key = f"market/load_claims/{loads.name}=1/part.parquet"
    loads.store.write(key, bars("EVIL"))
    loads.announce(key)
    loads.put(bars("GOOD"))
    assert loads.drain().loaded == 1
    assert loads.codes() == {key: "E003"}


def test_a_run_takes_no_more_messages_than_it_was_asked_to(loads: Loads) -> None:
    for n in range(5):
        loads.put(bars(f"S{n}"), f"part-{n:03d}.parquet")
    assert loads.drain(max_messages=2).messages == 2
    assert loads.queue.depth().visible == 3


def test_a_fault_of_ours_costs_one_file_and_shows_where_it_is(
    loads: Loads, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise KeyError("a bug")

    opened = loads.open_warehouse
    key = loads.put(bars("BUG"))
    loads.open_warehouse = before_rows(opened, loads.name, fail)
    with caplog.at_level(logging.ERROR):
        loads.drain()
    assert loads.codes() == {key: "E009"}
    assert "Traceback" in caplog.text


def test_the_letter_of_a_message_that_another_loader_has_now_is_that_ones(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.announce(loads.key("gone.parquet"))
    receive = Queue.receive

    def lost_at_once(self: Queue, *arguments: Any, **named: Any) -> list[Message]:
        found = receive(self, *arguments, **named)
        if self.name == loads.queue.name and found:
            monkeypatch.setattr("include.load.heartbeat.Heartbeat.is_lost", lambda *_: True)
        return found

    monkeypatch.setattr(Queue, "receive", lost_at_once)
    assert loads.drain().letters == 0
    monkeypatch.undo()
    assert loads.letters() == []
    assert not loads.is_empty()


def test_one_bad_file_of_a_batch_does_not_break_the_batch_up(loads: Loads) -> None:
    loads.put(b"no Parquet" * 200, "bad.parquet")
    for n in range(4):
        loads.put(bars(f"S{n}"), f"part-{n:03d}.parquet")
    inserts: list[int] = []
    loads.open_warehouse = before_rows(loads.open_warehouse, loads.name, lambda: inserts.append(1))
    assert loads.drain().loaded == 4
    assert len(inserts) == 1  # the four together


def test_where_nobody_knows_which_file_of_a_batch_is_bad_each_is_tried_alone(loads: Loads) -> None:
    def refuse(batches: list[pa.RecordBatch]) -> None:
        if any("BAD" in batch.column("symbol").to_pylist() for batch in batches):
            raise StatementFailed("some file of these was refused")

    bad = loads.put(bars("BAD"), "bad.parquet")
    for n in range(4):
        loads.put(bars(f"S{n}"), f"part-{n:03d}.parquet")
    loads.open_warehouse = refusing(loads.open_warehouse, loads.name, refuse)
    assert loads.drain().loaded == 4
    assert loads.symbols() == [f"S{n}" for n in range(4)]
    assert loads.codes() == {bad: "E003"}
