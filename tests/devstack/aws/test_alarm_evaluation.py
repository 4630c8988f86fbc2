"""States of alarms, by the tables of CloudWatch's own documentation and by what is ours."""

from __future__ import annotations

import dataclasses

import pytest

from devstack.aws.alarms.evaluation import Alarm, evaluate
from devstack.aws.alarms.statistics import Point, statistic

NOW = 1_000 * 60 + 30.0
"""In the middle of a period."""
KEEPS = "INSUFFICIENT_DATA"
"""The state before, which no verdict of a table gives but by keeping it."""
ALARM = Alarm(
    statistic="Maximum",
    period=60,
    periods=3,
    to_alarm=3,
    threshold=10,
    comparison="GreaterThanThreshold",
    missing="missing",
    state="OK",
    is_gauge=False,
)


def points(drawn: str) -> list[Point]:
    """Return the points of completed periods, oldest first: `X` breaches, `0` does not, `-` is missing."""
    marks = drawn.split()
    first = int(NOW // 60) - len(marks)
    return [
        Point.single((first + i) * 60 + 5, 11.0 if mark == "X" else 10.0)
        for i, mark in enumerate(marks)
        if mark != "-"
    ]


def state(alarm: Alarm, drawn: str) -> str:
    return evaluate(alarm, points(drawn), NOW).state


@pytest.mark.parametrize(
    ("to_alarm", "drawn", "missing", "ignore", "breaching", "not_breaching"),
    [
        (3, "0 - X - X", "OK", "OK", "OK", "OK"),
        (3, "0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        (3, "- - - - 0", "OK", "OK", "OK", "OK"),
        (3, "- - - - -", "INSUFFICIENT_DATA", KEEPS, "ALARM", "OK"),
        (3, "- - X - -", "ALARM", KEEPS, "ALARM", "OK"),
        (2, "0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, "0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, "0 - X - -", "OK", "OK", "ALARM", "OK"),
        (2, "- - - - 0", "OK", "OK", "ALARM", "OK"),
        (2, "- - - X -", "ALARM", KEEPS, "ALARM", "OK"),
        # M of N, nothing missing
        (2, "0 0 X X 0", "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, "X X X 0 0", "OK", "OK", "OK", "OK"),
        (1, "0 0 X 0 0", "ALARM", "ALARM", "ALARM", "ALARM"),
        (3, "X X 0 X X", "OK", "OK", "OK", "OK"),
    ],
)
def test_m_of_n_and_missing_data_as_cloudwatch_documents_them(
    to_alarm: int, drawn: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    found = {
        treatment: state(dataclasses.replace(ALARM, to_alarm=to_alarm, missing=treatment, state=KEEPS), drawn)
        for treatment in ("missing", "ignore", "breaching", "notBreaching")
    }
    assert found == {
        "missing": missing,
        "ignore": ignore,
        "breaching": breaching,
        "notBreaching": not_breaching,
    }


@pytest.mark.parametrize(
    ("comparison", "value", "expected"),
    [
        ("GreaterThanThreshold", 10.0, "OK"),
        ("GreaterThanOrEqualToThreshold", 10.0, "ALARM"),
        ("LessThanThreshold", 10.0, "OK"),
        ("LessThanOrEqualToThreshold", 10.0, "ALARM"),
        ("GreaterThanThreshold", 10.5, "ALARM"),
        ("LessThanThreshold", 9.5, "ALARM"),
    ],
)
def test_the_threshold_itself_breaches_only_where_the_comparison_says_so(
    comparison: str, value: float, expected: str
) -> None:
    alarm = dataclasses.replace(ALARM, periods=1, to_alarm=1, comparison=comparison)
    assert evaluate(alarm, [Point.single(NOW - 40, value)], NOW).state == expected


def test_a_comparison_that_is_not_known_keeps_the_state() -> None:
    alarm = dataclasses.replace(ALARM, comparison="GreaterThanUpperThreshold", state="ALARM")
    assert state(alarm, "0 0 0 0 0") == "ALARM"


def test_only_a_gauge_counts_in_the_period_that_still_runs() -> None:
    alarm = dataclasses.replace(ALARM, periods=1, to_alarm=1)
    just_now = [*points("0 0 0"), Point.single(NOW, 11)]
    assert evaluate(alarm, just_now, NOW).state == "OK"
    assert evaluate(alarm, just_now, NOW + 60).state == "ALARM"
    assert evaluate(dataclasses.replace(alarm, is_gauge=True), just_now, NOW).state == "ALARM"


def test_a_running_period_of_a_gauge_without_a_point_is_not_missing_yet() -> None:
    alarm = dataclasses.replace(ALARM, periods=1, to_alarm=1, missing="breaching", is_gauge=True)
    assert evaluate(alarm, points("0 0 0"), NOW).state == "OK"


def test_periods_begin_at_multiples_of_the_period() -> None:
    alarm = dataclasses.replace(ALARM, statistic="Sum", periods=1, to_alarm=1, threshold=1)
    across = [Point.single(599.9, 1), Point.single(600.0, 1)]
    assert evaluate(alarm, across, 660).state == "OK"
    within = [Point.single(600.0, 1), Point.single(659.9, 1)]
    assert evaluate(alarm, within, 660).state == "ALARM"


def test_the_reason_names_values_times_and_threshold() -> None:
    verdict = evaluate(dataclasses.replace(ALARM, to_alarm=2), points("0 0 X 0 X"), NOW)
    assert verdict.reason == (
        "Threshold Crossed: 2 out of the last 3 datapoints [11.0 (01/01/70 16:39:00), "
        "11.0 (01/01/70 16:37:00)] were greater than the threshold (10)."
    )


def test_the_reason_says_what_missing_data_was_taken_for() -> None:
    verdict = evaluate(dataclasses.replace(ALARM, missing="notBreaching"), [], NOW)
    assert verdict.reason == (
        "Threshold Crossed: no datapoints were received for 3 periods. "
        "3 datapoints were unknown and treated as [NonBreaching]."
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SampleCount", 5), ("Sum", 30), ("Average", 6), ("Minimum", 1), ("Maximum", 20),
        ("p0", 1), ("p50", 3), ("p90", 13.2), ("p100", 20), ("tm99", None),
    ],
)  # fmt: skip
def test_statistics_of_values_that_came_several_times(name: str, expected: float | None) -> None:
    values = [
        Point.single(0, 20),
        Point(at=0, total=6, low=3, high=3, count=2),
        Point.single(0, 1),
        Point.single(0, 3),
    ]
    found = statistic(name, values)
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_set_of_different_values_has_no_percentile_but_an_average() -> None:
    values = [Point(at=0, total=12, low=1, high=9, count=3)]
    assert statistic("p95", values) is None
    assert statistic("Average", values) == 4


def test_datapoints_to_alarm_left_out_is_all_of_them() -> None:
    record = {"StateValue": "OK", "EvaluationPeriods": 3, "Namespace": "AWS/SQS"}
    alarm = Alarm.of(record)
    assert (alarm.to_alarm, alarm.missing, alarm.is_gauge) == (3, "missing", True)
