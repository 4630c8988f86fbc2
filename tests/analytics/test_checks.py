"""What is judged of a day, and when a run fails."""

from __future__ import annotations

from typing import Any

import pytest

from include.analytics.checks import Check, EventsInconsistent, failed, judge_day, validate_count
from include.analytics.missing import Missing
from include.analytics.results import DayMoved, Results, check_whole
from tests.analytics.days import END, HOUR, START, Lines, answers, clean_day, event, hard_day


def judged(lines: Lines, **named: Any) -> dict[str, Check]:
    checks = judge_day(answers(lines), **{"is_over": True, "missing": None} | named)
    return {check.name: check for check in checks}


def test_a_clean_day_has_no_warning() -> None:
    assert {check.outcome for check in judged(clean_day()).values()} == {"ok"}


def test_what_is_odd_is_counted_and_shown() -> None:
    found = {name: check.value for name, check in judged(hard_day()).items()}
    assert found["malformed_lines"] == 2
    assert found["duplicate_events"] == 1
    assert found["late_events"] == 21
    assert found["ahead_events"] == 1
    assert found["missing_hours"] == 18  # 01 to 08, 12, 14 to 22
    assert found["longest_gap_minutes"] > 600


def test_an_hour_that_is_missing_is_named() -> None:
    lines = Lines()
    for hour in (9, 11):
        lines.add(event(hour, START + hour * HOUR), START + hour * HOUR)
    check = judged(lines)["missing_hours"]
    assert (check.value, check.outcome) == (1, "warning")
    assert check.note.endswith(": 10")


def test_an_empty_day_is_no_failure() -> None:
    checks = judged(Lines())
    assert {check.outcome for check in checks.values()} == {"ok"}
    assert not any(check.value for check in checks.values())


def test_a_day_that_goes_on_is_a_warning() -> None:
    assert judged(clean_day(), is_over=False)["unfinished_day"].outcome == "warning"


def test_missing_events_are_a_warning_where_the_table_was_asked() -> None:
    assert "missing_events" not in judged(clean_day())
    assert judged(clean_day(), missing=Missing(3, ("a", "b")))["missing_events"] == Check(
        "missing_events", 3, "warning", "finished requests of the day without an event: a, b and 1 more"
    )
    assert judged(clean_day(), missing=Missing(0))["missing_events"].outcome == "ok"


def test_requests_with_more_than_one_event_are_named_and_counted_once() -> None:
    lines = clean_day(30)
    for request in range(25):  # three events each, one of them after midnight
        twin = event(request + 500, START + 10 * HOUR)
        for arrived in (START + 10 * HOUR, START + 10 * HOUR, END + 5):
            lines.add(twin, arrived)
    check = judged(lines)["duplicate_events"]
    assert (check.value, check.outcome) == (25, "warning")
    assert "(50 beyond the first)" in check.note
    assert "req-00500, req-00501" in check.note
    assert check.note.endswith("req-00519 and 5 more")
    assert answers(lines).total("select_traffic_late_safe", "traffic_per_min") == 55


def test_many_letters_are_a_warning() -> None:
    lines = Lines()
    for request in range(40):
        lines.add(event(request * 40 + (request > 2), START), START)  # three of forty by way of the DLQ
    assert judged(lines)["dlq_percent"] == Check(
        "dlq_percent", 7.5, "warning", "came by way of the dead letters; more than 5 warns"
    )


@pytest.mark.parametrize("arrived", [START, END + 1], ids=["on the day", "after midnight"])
def test_a_negative_delay_fails_and_names_the_request(arrived: int) -> None:
    lines = clean_day(20)
    lines.add(event(777, END - 1000, wait=-5), arrived)
    results = answers(lines)
    with pytest.raises(EventsInconsistent, match=r"negative_delay.* = 1.*req-00777"):
        validate_count("negative_delay", results)
    assert validate_count("missing_timestamp", results) == 0
    found = {check.name for check in failed(judge_day(results, is_over=True, missing=None))}
    assert found - {"negative_delay"} == {"negative_delay_late_safe"}
    assert ("negative_delay" in found) == (arrived < END)


def test_a_missing_timestamp_fails_and_names_at_most_twenty_requests() -> None:
    lines = clean_day(20)
    for request in range(100, 130):
        lines.add(
            event(request, START, timestamps={"queuedAt": START, "startedAt": None, "finishedAt": 1}), START
        )
    with pytest.raises(EventsInconsistent, match=r"missing_timestamp = 30.*req-00100.*req-00119") as refused:
        validate_count("missing_timestamp", answers(lines))
    assert "req-00120" not in str(refused.value)


def test_a_line_that_does_not_parse_fails_the_seeds_validation() -> None:
    """A malformed line is a row of NULLs, so its timestamps are missing; it has no name."""
    with pytest.raises(EventsInconsistent, match=r"none with a name\. 2 line\(s\) do not parse"):
        validate_count("missing_timestamp", answers(hard_day()))


@pytest.mark.parametrize("query", ["select_traffic", "select_throughput", "select_hours", "select_day_total"])
def test_answers_that_do_not_fit_together_are_refused(query: str) -> None:
    results = answers(clean_day())
    check_whole(results)
    rows = [dict(row) for row in results.rows[query]]
    count = next(name for name in rows[0] if name.endswith(("_per_min", "line_count", "total_count")))
    rows[0][count] += 1
    with pytest.raises(DayMoved, match=query):
        check_whole(Results({**results.rows, query: rows}))
