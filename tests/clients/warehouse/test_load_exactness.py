"""No value is bent to fit, and an overtaken loader's rows stay hidden even if it dies and never comes back."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.clients.warehouse import load
from include.core.errors import ObjectCorrupt, SchemaMismatch

pytestmark = pytest.mark.integration
Make = Callable[..., list[tuple[Any, ...]]]


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, nothing is written after it."""


def table_of(loads: Any, rows: list[tuple[Any, ...]]) -> pa.Table:
    return pq.read_table(io.BytesIO(loads.store.read(loads.write(rows, "1999-01-01").key)))


@pytest.mark.parametrize("unit", ["ms", "us"])
def test_a_fraction_of_a_second_is_refused_not_cut(loads: Any, make_rows: Make, unit: str) -> None:
    half = pa.array([1_362_096_000_500], pa.timestamp("ms", "UTC")).cast(pa.timestamp(unit, "UTC"))
    file = loads.write_table(table_of(loads, make_rows("AAPL")).set_column(1, "timestamp", half))
    with pytest.raises(SchemaMismatch, match="fraction of a second") as caught:
        loads.load(file)
    assert file.key in str(caught.value)
    assert (loads.rows(), loads.audit()) == ([], [])


def test_a_file_damaged_in_its_middle_is_named(loads: Any, make_rows: Make) -> None:
    whole = bytearray(loads.store.read(loads.write(make_rows("AAPL", days=3000), "1999-01-01").key))
    whole[4 : len(whole) // 2] = b"\xff" * (len(whole) // 2 - 4)
    file = loads.write_bytes(bytes(whole), 3000)
    with pytest.raises(ObjectCorrupt) as caught:
        loads.load(file)
    assert file.key in str(caught.value)
    assert loads.audit() == []


def test_a_volume_keeps_all_its_digits(loads: Any, make_rows: Make) -> None:
    rows = [(*row[:-1], 2**60 + 1) for row in make_rows("AAPL", adjusted=False)]
    loads.load(loads.write(rows))
    assert loads.rows() == rows


def test_rows_of_an_overtaken_loader_that_died_stay_hidden(
    loads: Any, make_rows: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = make_rows("AAPL", days=3), make_rows("AAPL", price=20.0)
    first = loads.write(old)
    write_rows, overtaken = load.write_rows, []

    def overtake(*arguments: Any) -> None:
        """The old content's loader has claimed; now a correction is loaded whole; then the old rows are written."""
        if not overtaken:
            overtaken.append(True)
            loads.load(loads.write(new))
            write_rows(*arguments)
            raise Killed
        write_rows(*arguments)

    monkeypatch.setattr(load, "write_rows", overtake)
    # the server itself refuses to read the old content, so there its loader lives on
    with suppress(Killed):
        loads.load(first)
    assert overtaken
    assert loads.rows() == new
