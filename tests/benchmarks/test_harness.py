from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.harness import Aim, BenchmarkFailed, Result, cells, compare, measure, middle, to_markdown


def sleeper(seconds: float) -> None:
    import time

    time.sleep(seconds)


def refuses() -> None:
    raise ValueError("a broken way")


def result(seconds: float, *, peak_mb: float = 10, aim: Aim | None = None) -> Result:
    return Result(
        "job", "way", seconds, 0.1, peak_mb, ratio=seconds, fastest=seconds, slowest=seconds, aim=aim
    )


def test_the_median_keeps_the_extremes_and_the_largest_peak() -> None:
    found = middle([result(3, peak_mb=7), result(1), result(2, peak_mb=9)])
    assert (found.seconds, found.fastest, found.slowest, found.peak_mb) == (2, 1, 3, 10)


@pytest.mark.parametrize(("seconds", "word"), [(1.3, "met"), (1.31, "missed")])
def test_an_aim_is_met_up_to_its_bound(seconds: float, word: str) -> None:
    assert word in cells(result(seconds, aim=Aim("ratio", 1.3)))[-1]


def test_ratios_are_to_the_limit_and_slow_ways_run_once() -> None:
    module = "tests.benchmarks.test_harness:sleeper"
    found = compare("job", {"a": module, "b": module}, {"seconds": 0.01}, limit="a", repeat=2, once={"b"})
    assert found[0].ratio == 1
    assert found[1].fastest == found[1].slowest
    assert found[0].seconds >= 0.01


def test_a_way_that_fails_says_why() -> None:
    with pytest.raises(BenchmarkFailed, match="a broken way"):
        measure("broken", "tests.benchmarks.test_harness:refuses")


def test_an_unknown_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="'c' is not among"):
        compare("job", {"a": "m:f"}, limit="c")


def test_writing_figures_leaves_words_and_other_figures_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# B\n\nwords\n\n<!-- figures: x -->\nold\n<!-- end: x -->\n\n<!-- figures: y -->\nkept\n<!-- end: y -->\n"
    )
    monkeypatch.setattr(report, "PAGE", page)
    report.write_figures("x", [result(1)], repeat=3)
    text = page.read_text()
    assert "old" not in text
    assert to_markdown([result(1)]) in text
    assert text.startswith("# B\n\nwords\n")
    assert text.endswith("<!-- figures: y -->\nkept\n<!-- end: y -->\n")
