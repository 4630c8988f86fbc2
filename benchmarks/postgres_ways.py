"""The ways of bench_postgres: each prepares its table and its connection, and returns the work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from include.clients.postgres import Postgres, PostgresAddress
from include.clients.postgres.client import connect
from include.clients.postgres.upsert import upsert
from include.fundamentals.daily_ma import compute_ma

DAYS = 1_226
PASSWORD = "benchmark"
COLUMNS = ("symbol", "date", "open", "high", "low", "close", "volume")

UPSERT = (
    "INSERT INTO daily_prices AS kept (symbol, date, open, high, low, close, volume) {rows} "
    "ON CONFLICT (symbol, date) DO UPDATE SET open = excluded.open, high = excluded.high, low = excluded.low, "
    "close = excluded.close, volume = excluded.volume, updated_at = now() "
    "WHERE (kept.open, kept.high, kept.low, kept.close, kept.volume) IS DISTINCT FROM "
    "(excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume)"
)
STAGE = "CREATE TEMPORARY TABLE staged ON COMMIT DROP AS SELECT {} FROM daily_prices WITH NO DATA".format(
    ", ".join(COLUMNS)
)


def made_prices(symbols: int) -> pl.DataFrame:
    """Return prices from a seed: 1,226 weekdays a symbol, two decimals, by symbol and date."""
    days = pl.date_range(date(2008, 1, 2), date(2012, 12, 31), eager=True)
    days = days.filter(days.dt.weekday() <= 5).head(DAYS)
    chance = np.random.default_rng(1)
    closes = 50 * np.exp(chance.normal(0, 0.01, (symbols, DAYS)).cumsum(axis=1)).ravel()
    frame = pl.DataFrame(
        {
            "symbol": np.repeat([f"S{n:03d}" for n in range(symbols)], DAYS),
            "date": pl.concat([days] * symbols),
            "close": closes.round(2),
            "volume": chance.integers(1, 10**8, symbols * DAYS),
        }
    )
    return frame.with_columns(open=pl.col("close"), high=pl.col("close") + 1, low=pl.col("close") - 1).select(
        COLUMNS
    )


def limit(port: int, symbols: int, filled: bool = False) -> Callable[[], None]:
    """The line: bytes laid by hand, COPY, one upsert."""
    prices = _prepared(port, symbols, filled)
    connection = connect(address_of(port))

    def work() -> None:
        with connection:
            connection.execute(STAGE)
            with connection.cursor().copy("COPY staged FROM STDIN (FORMAT binary)") as copy:
                copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
                copy.write(_laid(prices))
                copy.write(b"\xff\xff")
            connection.execute(UPSERT.format(rows="SELECT * FROM staged"))

    return work


def _laid(prices: pl.DataFrame) -> bytes:
    """Return the rows as one array of records: symbols of four letters, and nothing null."""
    kinds = ["S4", ">i4", ">f8", ">f8", ">f8", ">f8", ">i8"]
    fields = [("columns", ">i2")]
    for name, kind in zip(COLUMNS, kinds, strict=True):
        fields += [(f"{name} size", ">i4"), (name, kind)]
    rows = np.empty(len(prices), fields)
    rows["columns"] = len(COLUMNS)
    for name, kind in zip(COLUMNS, kinds, strict=True):
        rows[f"{name} size"] = np.dtype(kind).itemsize
        rows[name] = prices[name].to_physical().to_numpy()
    rows["date"] -= 10_957
    return rows.tobytes()


def tapeline(port: int, symbols: int, filled: bool = False) -> Callable[[], None]:
    """Tapeline's upsert."""
    prices = _prepared(port, symbols, filled)
    database = Postgres(address_of(port))
    database.query("SELECT 1")

    def work() -> None:
        with database.connection() as connection:
            upsert(connection, "daily_prices", prices)

    return work


def copy_csv(port: int, symbols: int) -> Callable[[], None]:
    """COPY of CSV, one upsert."""
    prices = _prepared(port, symbols)
    connection = connect(address_of(port))

    def work() -> None:
        with connection:
            connection.execute(STAGE)
            with connection.cursor().copy("COPY staged FROM STDIN (FORMAT csv)") as copy:
                copy.write(prices.write_csv(include_header=False))
            connection.execute(UPSERT.format(rows="SELECT * FROM staged"))

    return work


def execute_values(port: int, symbols: int) -> Callable[[], None]:
    """psycopg2's execute_values, 1,000 rows a statement."""
    import psycopg2
    from psycopg2.extras import execute_values as execute

    prices = _prepared(port, symbols)
    connection = psycopg2.connect(
        host="127.0.0.1", port=port, user="postgres", password=PASSWORD, dbname="bench"
    )

    def work() -> None:
        with connection, connection.cursor() as cursor:
            execute(cursor, UPSERT.format(rows="VALUES %s"), prices.rows(), page_size=1_000)

    return work


def executemany(port: int, symbols: int) -> Callable[[], None]:
    """psycopg's executemany, one transaction."""
    prices = _prepared(port, symbols)
    connection = connect(address_of(port))
    statement = UPSERT.format(rows="VALUES (%s, %s, %s, %s, %s, %s, %s)")

    def work() -> None:
        with connection, connection.cursor() as cursor:
            cursor.executemany(statement, prices.rows())

    return work


def row_by_row(port: int, symbols: int) -> Callable[[], None]:
    """An INSERT and a commit for each row."""
    prices = _prepared(port, symbols)
    connection = connect(address_of(port), autocommit=True)
    statement = UPSERT.format(rows="VALUES (%s, %s, %s, %s, %s, %s, %s)")

    def work() -> None:
        for row in prices.iter_rows():
            connection.execute(statement, row)

    return work


def to_sql(port: int, symbols: int) -> Callable[[], None]:
    """pandas' to_sql, which only inserts."""
    from sqlalchemy import create_engine

    frame = _prepared(port, symbols).to_pandas()
    engine = create_engine(
        "postgresql+psycopg://", creator=partial(connect, address_of(port), row_factory=_tuples())
    )
    return lambda: (
        frame.to_sql("daily_prices", engine, if_exists="append", index=False, chunksize=10_000) and None
    )


def _tuples() -> Any:
    from psycopg.rows import tuple_row

    return tuple_row


def ma_limit(symbols: int) -> Callable[[], None]:
    """The line: numpy's cumulative sums over each symbol, whose rounding depends on where they begin."""
    prices = made_prices(symbols)["close"].to_numpy().reshape(symbols, DAYS)

    def work() -> None:
        sums = np.cumsum(prices, axis=1)
        for window in (20, 50, 100, 200):
            found = np.full(prices.shape, np.nan)
            found[:, window - 1] = sums[:, window - 1] / window
            found[:, window:] = (sums[:, window:] - sums[:, :-window]) / window

    return work


def ma_tapeline(symbols: int) -> Callable[[], None]:
    """Tapeline's averages."""
    prices = made_prices(symbols)
    compute_ma(prices.head(300))
    return lambda: compute_ma(prices) is None or None


def ma_pandas(symbols: int) -> Callable[[], None]:
    """pandas' rolling mean, symbol by symbol."""
    closes = made_prices(symbols).to_pandas().groupby("symbol")["close"]

    def work() -> None:
        for window in (20, 50, 100, 200):
            closes.rolling(window).mean()

    return work


def ma_written(port: int, symbols: int) -> Callable[[], None]:
    """Tapeline: closes read, averages computed, and written."""
    database = _with_prices(port, symbols)

    def work() -> None:
        with database.connection() as connection:
            closes = connection.execute("SELECT symbol, date, close FROM daily_prices").fetchall()
            upsert(connection, "daily_ma", compute_ma(pl.DataFrame(closes)))

    return work


def ma_window_sql(port: int, symbols: int) -> Callable[[], None]:
    """Window functions in PostgreSQL, inserted."""
    database = _with_prices(port, symbols)
    column = "CASE WHEN row_number() OVER w >= {0} THEN avg(close) OVER (w ROWS BETWEEN {0} - 1 PRECEDING AND CURRENT ROW) END"
    averages = ", ".join(column.format(window) for window in (20, 50, 100, 200))
    statement = (
        f"INSERT INTO daily_ma (symbol, date, ma_20, ma_50, ma_100, ma_200) SELECT symbol, date, {averages} "
        "FROM daily_prices WINDOW w AS (PARTITION BY symbol ORDER BY date)"
    )
    return lambda: database.execute(statement) and None


def address_of(port: int) -> PostgresAddress:
    return PostgresAddress("127.0.0.1", "bench", "postgres", port, PASSWORD)


def _prepared(port: int, symbols: int, filled: bool = False) -> pl.DataFrame:
    """Return the rows; the table has its partitions and no row, or all of them already."""
    prices = made_prices(symbols)
    with Postgres(address_of(port)) as database:
        with database.connection() as connection:
            upsert(
                connection, "daily_prices", prices if filled else prices.filter(pl.col("symbol") == "S000")
            )
        if not filled:
            database.execute("TRUNCATE daily_prices, daily_ma")
        database.execute("CHECKPOINT")
    return prices


def _with_prices(port: int, symbols: int) -> Postgres:
    prices, database = _prepared(port, symbols, filled=True), Postgres(address_of(port))
    with database.connection() as connection:
        upsert(connection, "daily_ma", prices.head(DAYS).select("symbol", "date"))  # its partitions
        connection.execute("TRUNCATE daily_ma")
        connection.execute("ANALYZE daily_prices")
    return database
