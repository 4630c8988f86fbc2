"""A day's tables: same columns every day, and files that the loader takes."""

from __future__ import annotations

import io

import polars as pl
import pytest

from include.analytics.checks import judge_day
from include.analytics.tables import SCHEMAS, day_tables, encode_parquet
from tests.analytics.days import DT, START, Lines, answers, clean_day, event


def tables(lines: Lines) -> dict[str, pl.DataFrame]:
    results = answers(lines)
    checks = judge_day(results, is_over=True, missing=None)
    return day_tables(results, checks, ds=DT, run_id="manual__1")


def test_every_row_says_its_day_its_run_and_how_it_was_asked() -> None:
    for name, frame in tables(clean_day()).items():
        assert set(frame["ds"]) == {DT}, name
        assert set(frame["run_id"]) == {"manual__1"}, name
        assert set(frame["form"]) <= {"seed", "late_safe", "check"}, name


def test_columns_do_not_depend_on_the_day() -> None:
    full, empty = tables(clean_day()), tables(Lines())
    assert {name: frame.schema for name, frame in full.items()} == {
        name: frame.schema for name, frame in empty.items()
    }
    assert not full["g1_distribution"]["result_code"].has_nulls()
    assert full["g1_delay"].filter(pl.col("form") == "seed").height == 1


@pytest.mark.parametrize("table", SCHEMAS)
def test_a_file_of_one_row_is_above_the_load_rules_1024_bytes(table: str) -> None:
    lines = Lines()
    lines.add(event(1, START), START)
    frame = tables(lines)[table].head(1)
    data = encode_parquet(frame, {"tapeline.run_id": "r"})
    assert len(data) > 1024
    assert pl.read_parquet(io.BytesIO(data)).equals(frame)
