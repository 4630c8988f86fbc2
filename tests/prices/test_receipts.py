"""A chunk's receipt holds every outcome as it was."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from include.clients.object_store import ObjectStore
from include.core.keys import BatchFiles
from include.prices.receipts import SCHEMA, Outcome, read_receipt, read_receipts, write_receipt

pytestmark = pytest.mark.integration
FILES = BatchFiles("market:prices:2013-03-01:run 1")
OUTCOMES = [
    Outcome("AAPL", "written", ds=date(2013, 3, 1), key="k", records=1),
    Outcome("IBM", "failed", error="RateLimited", message="429", transient=True),
]


def test_a_receipt_comes_back_as_it_was(raw: ObjectStore) -> None:
    key = write_receipt(raw, FILES, 3, OUTCOMES)
    assert key == "_batches/market-prices-2013-03-01-run-1/receipts/chunk-0003.parquet"
    assert read_receipt(raw, FILES, 3) == OUTCOMES


def test_a_chunk_that_never_ran_has_no_outcomes(raw: ObjectStore) -> None:
    assert read_receipt(raw, FILES, 0) == []


def test_a_later_attempt_replaces_the_receipt(raw: ObjectStore) -> None:
    write_receipt(raw, FILES, 0, OUTCOMES)
    write_receipt(raw, FILES, 0, OUTCOMES[:1])
    assert read_receipt(raw, FILES, 0) == OUTCOMES[:1]


def test_all_receipts_are_one_frame_also_where_there_is_none(raw: ObjectStore) -> None:
    keys = [write_receipt(raw, FILES, 0, OUTCOMES[:1]), write_receipt(raw, FILES, 1, OUTCOMES[1:])]
    assert read_receipts(raw, keys)["symbol"].to_list() == ["AAPL", "IBM"]
    empty = read_receipts(raw, [write_receipt(raw, FILES, 2, [])])
    assert (empty.schema, empty.height) == (SCHEMA, 0)
    assert read_receipts(raw, []).equals(pl.DataFrame(schema=SCHEMA))
