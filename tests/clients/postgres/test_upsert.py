from __future__ import annotations

import math
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest

from include.clients.postgres import Postgres
from include.clients.postgres.binary import ROWS
from include.clients.postgres.upsert import Upserted, upsert
from include.core.errors import ConstraintViolated, SchemaMismatch, TerminalError
from tests.clients.postgres.frames import checksum, prices

pytestmark = pytest.mark.integration


def _upsert(database: Postgres, table: str, frame: pl.DataFrame) -> Upserted:
    with database.connection() as connection:
        return upsert(connection, table, frame)


def test_the_same_rows_again_change_nothing(database: Postgres) -> None:
    assert _upsert(database, "daily_prices", prices()) == Upserted(inserted=6)
    before = checksum(database, "daily_prices")
    assert _upsert(database, "daily_prices", prices()) == Upserted(unchanged=6)
    assert checksum(database, "daily_prices") == before


def test_a_row_that_differs_is_updated_and_the_others_keep_their_time(database: Postgres) -> None:
    _upsert(database, "daily_prices", prices())
    before = {(row["symbol"], row["date"]): row for row in database.query("SELECT * FROM daily_prices")}
    corrected = prices(days=4).with_columns(
        volume=pl.when((pl.col("symbol") == "S1") & (pl.col("date") == date(2013, 2, 28)))
        .then(None)
        .otherwise(pl.col("volume"))
    )
    assert _upsert(database, "daily_prices", corrected) == Upserted(inserted=2, updated=1, unchanged=5)
    for row in database.query("SELECT * FROM daily_prices WHERE date <= '2013-03-01'"):
        old = before[row["symbol"], row["date"]]
        if (row["symbol"], row["date"]) == ("S1", date(2013, 2, 28)):
            assert row["volume"] is None
            assert row["updated_at"] > old["updated_at"]
        else:
            assert row == old


def test_columns_that_a_frame_lacks_stay(database: Postgres) -> None:
    _upsert(database, "daily_prices", prices())
    closes = prices(factor=2).select("close", "date", "symbol")
    assert _upsert(database, "daily_prices", closes) == Upserted(updated=6)
    (row,) = database.query("SELECT * FROM daily_prices WHERE symbol = 'S0' AND date = '2013-02-27'")
    assert (row["open"], row["close"], row["volume"]) == (99.75, 200.0, 100_000)


def test_every_kind_of_value_arrives_as_it_was(database: Postgres) -> None:
    rows: list[dict[str, Any]] = [
        {
            "dag_id": text, "run_id": "r", "task_id": "t", "map_index": number, "try_number": 1,
            "job_name": text * 300, "start_time": time, "end_time": None, "status": "failed",
            "records_processed": count, "records_failed": 0, "error_message": text or None,
            "metadata": f'{{"a": [1, null, "{n}€"]}}',
        }
        for n, (text, number, time, count) in enumerate(
            [
                ("", -1, datetime(1969, 12, 31, 23, 59, 59, 999_999, timezone.utc), 2**63 - 1),
                ("a\tb\n\\N\"';,", 2**31 - 1, datetime(2000, 1, 1, tzinfo=timezone.utc), -(2**63)),
                ("日本語 €🙂", -(2**31), datetime(2026, 11, 21, 1, 2, 3, 4, timezone.utc), 0),
            ]
        )
    ]  # fmt: skip
    assert _upsert(database, "etl_executions", pl.DataFrame(rows)).inserted == 3
    found = {row["dag_id"]: row for row in database.query("SELECT * FROM etl_executions")}
    for n, row in enumerate(rows):
        kept = found[row["dag_id"]]
        assert {name: kept[name] for name in row} == row | {"metadata": {"a": [1, None, f"{n}€"]}}


def test_numbers_keep_every_bit(database: Postgres) -> None:
    values = [
        0.1,
        1e-300,
        1.7976931348623157e308,
        5e-324,
        -0.0,
        123456.789,
        math.inf,
        -math.inf,
        math.nan,
        None,
    ]
    frame = pl.DataFrame(
        {"symbol": [f"S{n}" for n in range(10)], "as_of": date(1995, 2, 28), "quick_ratio": values}
    )
    assert _upsert(database, "ratios", frame).inserted == 10
    found = database.query("SELECT symbol, quick_ratio, as_of FROM ratios ORDER BY symbol")
    assert [str(row["quick_ratio"]) for row in found] == [str(value) for value in values]
    assert {row["as_of"] for row in found} == {date(1995, 2, 28)}
    assert _upsert(database, "ratios", frame) == Upserted(unchanged=10)  # NaN is NaN, and null is null


def test_values_missing_at_random_arrive_at_their_places(database: Postgres) -> None:
    """More rows than are encoded at once, of texts of many lengths."""
    chance, count = random.Random(5), ROWS + 1_000
    frame = pl.DataFrame(
        {
            "symbol": [f"{n:06}" + "x" * (n % 11) for n in range(count)],
            "name": [None if chance.random() < 0.3 else "ü" * chance.randrange(40) for _ in range(count)],
            "exchange": ["NYSE", "AMEX"] * (count // 2),
            "market_cap": [None if chance.random() < 0.3 else chance.random() for _ in range(count)],
            "is_active": [chance.random() < 0.5 for _ in range(count)],
            "listed_at": [
                None if chance.random() < 0.5 else date(1990, 1, 1) + timedelta(days=n % 9_000)
                for n in range(count)
            ],
        }
    )
    assert _upsert(database, "symbols", frame.sample(fraction=1, shuffle=True, seed=1)).inserted == count
    found = pl.DataFrame(
        database.query(f"SELECT {', '.join(frame.columns)} FROM symbols ORDER BY symbol"), frame.schema
    )
    assert found.equals(frame.sort("symbol"))


def test_rows_go_to_the_partition_of_their_year_whatever_year_it_is(database: Postgres) -> None:
    days = [date(1987, 10, 19), date(1999, 12, 31), date(2000, 1, 1), date(2041, 6, 1)]
    frame = pl.DataFrame({"symbol": "A", "date": days, "close": [1.0, 2.0, 3.0, 4.0]})
    assert _upsert(database, "daily_prices", frame).inserted == 4
    found = database.query("SELECT tableoid::regclass::text AS part FROM daily_prices ORDER BY date")
    assert [row["part"] for row in found] == [f"daily_prices_{day.year}" for day in days]


def test_partitions_of_a_new_year_are_made_by_many_at_once(database: Postgres) -> None:
    frames = [prices(symbols=n + 1, days=2, first=date(2030 + n % 2, 12, 31)) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda frame: _upsert(database, "daily_prices", frame), frames))
    assert checksum(database, "daily_prices")[0] == len(pl.concat(frames).unique(["symbol", "date"]))


def test_no_rows_are_no_work(database: Postgres) -> None:
    assert _upsert(database, "daily_prices", prices().clear()) == Upserted()


def test_a_table_of_keys_alone_is_left_as_it_is(database: Postgres) -> None:
    keys = pl.DataFrame({"symbol": ["A"], "as_of": [date(2026, 1, 1)]})
    assert _upsert(database, "ratios", keys) == Upserted(inserted=1)
    assert _upsert(database, "ratios", keys) == Upserted(unchanged=1)


def test_two_tables_are_one_transaction(database: Postgres) -> None:
    def both() -> None:
        with database.connection() as connection:
            upsert(connection, "daily_prices", prices())
            upsert(connection, "daily_prices", prices(symbols=3))
            upsert(connection, "daily_ma", prices().select("symbol", "date", ma_20="close"))
            raise ValueError("the job failed after both")

    with pytest.raises(ValueError, match="after both"):
        both()
    assert [checksum(database, name)[0] for name in ("daily_prices", "daily_ma")] == [0, 0]


A_PRICE = prices(symbols=1, days=1)
REFUSED = {
    "a table that is none": ("prices; DROP TABLE symbols", A_PRICE, SchemaMismatch, "no table"),
    "a column that is none": (
        "daily_prices", A_PRICE.with_columns(pl.lit(1).alias("x = 1; --")), SchemaMismatch, "x = 1; --"
    ),
    "a key that is left out": ("daily_prices", A_PRICE.drop("date"), SchemaMismatch, "lack date"),
    "a key that is null": (
        "daily_prices", prices().with_columns(symbol=pl.lit(None, pl.String)), ConstraintViolated, "no value"
    ),
    "a key that is there twice": (
        "daily_prices", pl.concat([prices(), prices(days=1)]), ConstraintViolated, "twice: symbol S0, date 2013-02-27"
    ),
    "text for a number": ("daily_prices", A_PRICE.with_columns(close=pl.lit("1")), SchemaMismatch, "close"),
    "text for a date": ("daily_prices", A_PRICE.with_columns(date=pl.lit("2013-03-01")), SchemaMismatch, "date"),
    "a fraction for a count": (
        "daily_prices", A_PRICE.with_columns(volume=pl.lit(1.5)), SchemaMismatch, "volume.*fraction"
    ),
    "a count that is too big": (
        "daily_prices", A_PRICE.with_columns(volume=pl.lit(1e19)), SchemaMismatch, "volume"
    ),
    "a price of nothing": ("daily_prices", A_PRICE.with_columns(close=pl.lit(None)), ConstraintViolated, "S0, 2013"),
    "a price that is no number": (
        "daily_prices", A_PRICE.with_columns(close=pl.lit(math.nan)), ConstraintViolated, "S0, 2013-02-27.*NaN"
    ),
    "a negative price": (
        "daily_prices", A_PRICE.with_columns(low=pl.lit(-1.0)), ConstraintViolated, "low_check.*S0, 2013-02-27"
    ),
    "an endless price": (
        "daily_prices", A_PRICE.with_columns(high=pl.lit(math.inf)), ConstraintViolated, "high_check"
    ),
    "another exchange": (
        "symbols", pl.DataFrame({"symbol": "A", "exchange": "LSE"}), ConstraintViolated, "exchange_check.*A.*LSE"
    ),
    "a NUL in a text": (
        "symbols", pl.DataFrame({"symbol": "A", "exchange": "NYSE", "name": "a\0b"}), SchemaMismatch, "0x00"
    ),
    "a time without a zone": (
        "etl_executions",
        pl.DataFrame({"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": 0, "try_number": 1,
                      "job_name": "j", "status": "running", "start_time": datetime(2026, 1, 1)}),  # noqa: DTZ001
        SchemaMismatch, "no time zone",
    ),
}  # fmt: skip


def test_what_a_table_cannot_hold_is_refused_by_name_and_nothing_is_written(database: Postgres) -> None:
    """One database for all of them: after each it is as empty as before."""
    for what, (table, frame, kind, says) in REFUSED.items():
        with pytest.raises(kind, match=says) as caught:
            _upsert(database, table, frame)
        assert isinstance(caught.value, TerminalError), what
        tables = ("symbols", "daily_prices", "etl_executions")
        assert [checksum(database, name)[0] for name in tables] == [0, 0, 0], what
    assert _upsert(database, "daily_prices", A_PRICE).inserted == 1  # the connection is as good as before
