"""A thousand announced files of several tables and domains, some of them poisoned, and what must become of each."""

from __future__ import annotations

import io
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = tuple[Any, ...]
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
DAYS = 600


@dataclass(frozen=True)
class Table:
    """One table of the warehouse and the shape of its files."""

    domain: str
    name: str
    files: int
    schema: pa.Schema
    make_row: Callable[[random.Random, int, int], Row]
    """From a random source, a file's number and a row's number."""

    @property
    def view(self) -> str:
        return f"{self.domain}.{self.name}"

    def key(self, file: int) -> str:
        day = START + timedelta(days=file % DAYS)
        return f"{self.domain}/{self.name}/ds={day:%Y-%m-%d}/part-{file:04d}.parquet"


def _bar(chance: random.Random, file: int, row: int) -> Row:
    day = START + timedelta(days=file % DAYS)
    price = chance.randrange(100, 90_000) / 64
    return (
        f"S{file:04d}.{row}",
        day,
        price,
        price + 1,
        price - 1,
        price,
        price / 2,
        chance.randrange(1 << 40),
    )


def _order(chance: random.Random, file: int, row: int) -> Row:
    note = chance.choice([None, "", "ein Stück", "주문", 'it\'s; -- \\ "quoted"'])
    return (file * 100 + row, chance.choice(["Ana", "Björn", "지원"]), note, chance.random() < 0.5)


def _item(chance: random.Random, file: int, row: int) -> Row:
    # equal rows, in one file and in two: none may be taken for a double of another
    return (chance.randrange(3), chance.choice(["red", "blue"]), chance.choice([None, 0.5, 2.25]))


BAR = pa.schema(
    [("symbol", pa.string()), ("timestamp", pa.timestamp("ms", "UTC"))]
    + [(name, pa.float64()) for name in ("open", "high", "low", "close", "adjusted_close")]
    + [("volume", pa.int64())]
)
ORDER = pa.schema([("id", pa.int64()), ("name", pa.string()), ("note", pa.string()), ("is_paid", pa.bool_())])
ITEM = pa.schema([("item", pa.int32()), ("colour", pa.string()), ("weight", pa.float64())])
TABLES = [
    Table("market", "prices", 250, BAR, _bar),
    Table("market", "prices_1h", 150, BAR, _bar),
    Table("customer", "orders", 150, ORDER, _order),
    Table("customer", "returns", 100, ORDER, _order),
    Table("product", "items", 200, ITEM, _item),
    Table("analytics", "counts", 150, ITEM, _item),
]
"""1,000 files."""
POISONS = {"not Parquet": "E002", "truncated": "E003", "invalid message": "E001", "deleted": "E007"}
"""Each way to poison a message, and the code of its letter (docs/adr/0014)."""
POISONED = 0.05


@dataclass
class Lake:
    """The objects of the curated bucket, the messages, and what a perfect loader makes of them."""

    bucket: str
    seed: int
    objects: dict[str, bytes] = field(default_factory=dict)
    messages: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Bodies by the domain whose queue they are for, each once."""
    rows: dict[str, Counter[Row]] = field(default_factory=lambda: defaultdict(Counter))
    """Good rows by table."""
    good_keys: set[str] = field(default_factory=set)
    letters: set[tuple[str, str, str]] = field(default_factory=set)
    """Domain, body and code of the poisoned messages."""

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        files = [(table, number) for table in TABLES for number in range(table.files)]
        bad = chance.sample(range(len(files)), round(len(files) * POISONED))
        ways = {index: list(POISONS)[order % len(POISONS)] for order, index in enumerate(bad)}
        for index, (table, number) in enumerate(files):
            self._add(table, number, ways.get(index), chance)

    def shuffled(self, domain: str) -> list[str]:
        """Return the domain's messages, each twice, in any order."""
        twice = self.messages[domain] * 2
        random.Random(f"{self.seed} {domain}").shuffle(twice)
        return twice

    def _add(self, table: Table, number: int, way: str | None, chance: random.Random) -> None:
        key = table.key(number)
        rows = [table.make_row(chance, number, row) for row in range(chance.randrange(1, 12))]
        data = _parquet(table.schema, rows)
        message = {
            "bucket": self.bucket, "key": key, "domain": table.domain,
            "file_size": len(data), "correlation_id": f"event-{table.name}-{number}",
        }  # fmt: skip
        body = json.dumps(message)
        if way == "not Parquet":
            data = b"symbol,close\n" + b"AAPL,1.25\n" * 200
        elif way == "truncated":
            data = data[: len(data) * 2 // 3]
        elif way == "invalid message":
            body = _invalid(message, chance)
        if way != "deleted":
            self.objects[key] = data
        self.messages[table.domain].append(body)
        if way:
            self.letters.add((table.domain, body, POISONS[way]))
        else:
            self.good_keys.add(key)
            self.rows[table.view].update(rows)


def _parquet(schema: pa.Schema, rows: list[Row]) -> bytes:
    columns = [
        pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), sink, compression="zstd")
    return sink.getvalue()


def _invalid(message: dict[str, Any], chance: random.Random) -> str:
    """Return a body that breaks the contract: another domain's key, a field too many, none of JSON …"""
    wrong: list[dict[str, Any]] = [
        {"key": f"elsewhere/{message['key']}"},
        {"key": message["key"].rpartition("/")[2]},
        {"bucket": "another-bucket"},
        {"domain": "elsewhere"},
        {"colour": "red"},
        {"correlation_id": None},
    ]
    kind = chance.randrange(len(wrong) + 1)
    if kind == len(wrong):
        return json.dumps(message)[:-10]
    return json.dumps(message | wrong[kind])
