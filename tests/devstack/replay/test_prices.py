"""Reading price files: what is served, and one clear error for what cannot be."""

from __future__ import annotations

import gzip
from datetime import datetime, timezone
from pathlib import Path

import polars as pl
import pytest

from devstack.replay.prices import UnreadablePrices, load_prices

HEAD = "symbol,date,open,high,low,close,adj_close,volume"
ROW = "aapl,2013-03-01,1.5,2,1,1.75,1.25,100"


def write(folder: Path, *lines: str, name: str = "prices.csv") -> Path:
    file = folder / name
    file.write_text("\n".join(lines) + "\n")
    return file


def test_the_demo_has_five_symbols_with_their_recorded_days() -> None:
    prices = load_prices()
    assert {symbol: count for symbol, (_, count) in prices.places.items()} == {
        "AAPL": 3270,
        "FB": 196,
        "GOOG": 2148,
        "IBM": 3270,
        "MSFT": 3270,
    }


def test_days_become_the_opening_in_new_york_in_winter_and_summer(tmp_path: Path) -> None:
    rows = [ROW, ROW.replace("2013-03-01", "2013-07-01")]
    stamps = load_prices(write(tmp_path, HEAD, *rows)).of("AAPL")["timestamp"].to_list()
    assert [datetime.fromtimestamp(stamp, timezone.utc).hour for stamp in stamps] == [14, 13]


def test_rows_in_any_order_are_served_sorted(tmp_path: Path) -> None:
    rows = [ROW, ROW.replace("aapl", "IBM"), ROW.replace("2013-03-01", "2013-02-28")]
    prices = load_prices(write(tmp_path, HEAD, *rows))
    assert prices.places == {"AAPL": (0, 2), "IBM": (2, 1)}
    assert prices.of("AAPL")["timestamp"].is_sorted()


def test_without_adj_close_the_close_is_served(tmp_path: Path) -> None:
    file = write(tmp_path, "symbol,date,open,high,low,close,volume", "IBM,2013-03-01,1.5,2,1,1.75,100")
    assert load_prices(file).of("IBM")["adj_close"].to_list() == [1.75]


def test_the_currency_column_is_used_and_usd_without_it(tmp_path: Path) -> None:
    with_currency = write(tmp_path, HEAD + ",currency", ROW + ",KRW")
    assert load_prices(with_currency).currencies == {"AAPL": "KRW"}
    assert load_prices(write(tmp_path, HEAD, ROW)).currencies == {"AAPL": "USD"}


def test_csv_gzip_and_parquet_give_the_same_rows(tmp_path: Path) -> None:
    plain = write(tmp_path, HEAD, ROW)
    packed = tmp_path / "prices.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    parquet = tmp_path / "prices.parquet"
    pl.read_csv(plain, try_parse_dates=True).write_parquet(parquet)
    expected = load_prices(plain).rows
    assert load_prices(packed).rows.equals(expected)
    assert load_prices(parquet).rows.equals(expected)


def test_a_parquet_file_may_have_datetimes_and_null_prices(tmp_path: Path) -> None:
    row = {"symbol": "IBM", "date": datetime(2013, 3, 1), "open": 1.0, "high": 2.0, "low": 1.0}  # noqa: DTZ001
    frame = pl.DataFrame({**row, "close": None, "volume": 5}, schema_overrides={"close": pl.Float64})
    frame.write_parquet(tmp_path / "prices.parquet")
    assert load_prices(tmp_path / "prices.parquet").of("IBM")["close"].to_list() == [None]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([HEAD.replace("close,adj", "last,adj"), ROW], ["column close is missing", "Rename or add"]),
        ([HEAD, ROW.replace("2013-03-01", "01.03.2013")], ["column date", "row 1", "'01.03.2013'"]),
        ([HEAD, ROW, ROW.replace("1.75", "n/a")], ["column close", "row 2", "'n/a'", "a number"]),
        ([HEAD, ROW.replace("100", "many")], ["column volume", "'many'"]),
        ([HEAD, ROW.replace("aapl", "")], ["column symbol", "a name"]),
        ([HEAD], ["has no rows"]),
        ([HEAD, ROW + ",9,9,9"], ["cannot be read as CSV"]),
    ],
)
def test_a_bad_file_is_one_error_with_file_column_and_remedy(
    tmp_path: Path, lines: list[str], words: list[str]
) -> None:
    file = write(tmp_path, *lines)
    with pytest.raises(UnreadablePrices) as caught:
        load_prices(file)
    for word in [str(file), *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize("name", ["prices.csv.gz", "prices.parquet"])
def test_a_file_of_another_kind_is_unreadable(tmp_path: Path, name: str) -> None:
    file = write(tmp_path, "this is neither", name=name)
    with pytest.raises(UnreadablePrices, match=name):
        load_prices(file)


def test_a_truncated_gzip_is_unreadable(tmp_path: Path) -> None:
    lines = [HEAD, *(ROW.replace("2013", str(year)) for year in range(1900, 2100))]
    packed = gzip.compress("\n".join(lines).encode())
    file = tmp_path / "prices.csv.gz"
    file.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(UnreadablePrices, match="cannot be read"):
        load_prices(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePrices, match="no such file"):
        load_prices(tmp_path / "absent.parquet")


def test_dates_are_checked_in_parquet_too(tmp_path: Path) -> None:
    columns = {"symbol": ["IBM"], "date": ["2013-02-30"], "open": [1.0], "high": [1.0], "low": [1.0]}
    pl.DataFrame({**columns, "close": [1.0], "volume": [1]}).write_parquet(tmp_path / "prices.parquet")
    with pytest.raises(UnreadablePrices, match="2013-02-30"):
        load_prices(tmp_path / "prices.parquet")
