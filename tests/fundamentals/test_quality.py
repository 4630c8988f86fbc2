"""When a job's data is bad enough to fail it."""

from __future__ import annotations

from datetime import date

import pytest

from include.core.errors import QualityBelowThreshold, TooManyFailures
from include.fundamentals.quality import add_up, validate_result
from include.fundamentals.run import NAMED, ChunkResult, chunk_symbols


def test_chunks_are_added_up() -> None:
    one = ChunkResult(
        symbols=2, total=5, invalid=1, reasons={"a": 1}, freshness=date(2013, 2, 28), failures={"X": "E"}
    )
    two = ChunkResult(
        symbols=3, total=4, duplicates=1, reasons={"a": 2, "b": 1}, missing_fields={"volume": 1}
    )
    both = add_up([one, two, ChunkResult()])
    assert (both.symbols, both.total, both.valid, both.invalid, both.duplicates) == (5, 9, 7, 1, 1)
    assert both.reasons == {"a": 3, "b": 1}
    assert both.missing_fields == {"volume": 1}
    assert (both.freshness, both.failures) == (date(2013, 2, 28), {"X": "E"})


def test_only_some_failed_symbols_are_named() -> None:
    many = [ChunkResult(failed_symbols=1, failures={f"S{at}": "E"}) for at in range(50)]
    assert (add_up(many).failed_symbols, len(add_up(many).failures)) == (50, NAMED)


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (ChunkResult(symbols=100, failed_symbols=6), TooManyFailures),
        (ChunkResult(symbols=100, empty_symbols=21), TooManyFailures),
        (ChunkResult(symbols=1, total=100, invalid=6, reasons={"high_below_low": 6}), QualityBelowThreshold),
        (ChunkResult(symbols=3, failed_symbols=3), TooManyFailures),
        (ChunkResult(symbols=1, failed_symbols=1), TooManyFailures),
    ],
    ids=["failed", "empty", "invalid", "all of few", "the only one"],
)
def test_a_passed_limit_fails_the_job(result: ChunkResult, error: type[Exception]) -> None:
    with pytest.raises(error, match="load_x: "):
        validate_result("load_x", result, lost_chunks=0)


def test_a_lost_chunk_fails_the_job() -> None:
    with pytest.raises(TooManyFailures, match="2 chunk"):
        validate_result("load_x", ChunkResult(), lost_chunks=2)


@pytest.mark.parametrize(
    "result",
    [
        ChunkResult(), ChunkResult(symbols=100, failed_symbols=5), ChunkResult(symbols=100, empty_symbols=20),
        ChunkResult(symbols=1, total=100, invalid=5), ChunkResult(symbols=3, failed_symbols=1),
    ],
    ids=["nothing to do", "few failed", "few empty", "few invalid", "one of three"],
)  # fmt: skip
def test_up_to_the_limit_it_does_not(result: ChunkResult) -> None:
    validate_result("load_x", result, lost_chunks=0)


@pytest.mark.parametrize(
    ("count", "chunks", "largest"), [(0, 0, 0), (3, 1, 3), (8000, 100, 80), (30_000, 150, 200), (12, 3, 5)]
)
def test_chunks_follow_the_size_of_the_universe(count: int, chunks: int, largest: int) -> None:
    symbols = [f"S{at:05d}" for at in range(count)]
    found = chunk_symbols(symbols)
    assert (len(found), max((chunk.count for chunk in found), default=0)) == (chunks, largest)
    assert sum(chunk.count for chunk in found) == count


def test_there_are_never_more_chunks_than_may_be_mapped() -> None:
    assert len(chunk_symbols([f"S{at}" for at in range(1000)], max_chunks=7)) == 7
