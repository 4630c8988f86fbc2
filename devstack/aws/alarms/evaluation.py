"""The state of a metric alarm from its points: pure, by the rules that CloudWatch documents.

It looks back over two periods more than the alarm evaluates. Where these have as many datapoints as it
evaluates, the newest ones decide, and nothing is filled in; else `TreatMissingData` stands for the rest.

Two things differ from AWS. Periods begin at multiples of the period, where AWS slides a window of more than a
minute along each minute. And a metric that is read off all the time (`AWS/SQS`) counts in the period that still
runs: an alarm goes off within seconds, and on a maximum comes back within a period, where AWS waits for the end
of each. Other metrics wait for it here too, since half a period's sum or average decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from operator import ge, gt, le, lt
from typing import Any, Literal

from devstack.aws.alarms.statistics import Point, statistic

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
GAUGES = ("AWS/SQS",)
"""Namespaces of metrics that are read off."""
_LOOK_BACK = 2
_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (ge, "greater than or equal to"),
    "GreaterThanThreshold": (gt, "greater than"),
    "LessThanThreshold": (lt, "less than"),
    "LessThanOrEqualToThreshold": (le, "less than or equal to"),
}


@dataclass(frozen=True)
class Alarm:
    """What of an alarm decides its state."""

    statistic: str
    period: int
    """Seconds."""
    periods: int
    """N: datapoints that are evaluated."""
    to_alarm: int
    """M: how many of them must breach."""
    threshold: float
    comparison: str
    missing: str
    """`missing`, `ignore`, `breaching` or `notBreaching`."""
    state: State
    is_gauge: bool

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Alarm:
        """Return the alarm that DescribeAlarms shows as `record`."""
        periods = int(record.get("EvaluationPeriods") or 1)
        return cls(
            statistic=record.get("ExtendedStatistic") or record.get("Statistic") or "Average",
            period=int(record.get("Period") or 60),
            periods=periods,
            to_alarm=int(record.get("DatapointsToAlarm") or periods),
            threshold=float(record.get("Threshold") or 0),
            comparison=str(record.get("ComparisonOperator")),
            missing=record.get("TreatMissingData") or "missing",
            state=record["StateValue"],
            is_gauge=record.get("Namespace") in GAUGES,
        )

    @property
    def seconds(self) -> int:
        """How far back points matter."""
        return self.period * (self.periods + _LOOK_BACK + 1)


@dataclass(frozen=True)
class Datapoint:
    """The statistic of one period."""

    start: int
    """Unix seconds."""
    value: float
    breaching: bool


@dataclass(frozen=True)
class Verdict:
    """The state that an alarm should have, and why."""

    state: State
    datapoints: tuple[Datapoint, ...]
    """What decided, newest first."""
    reason: str


def evaluate(alarm: Alarm, points: Iterable[Point], now: float) -> Verdict:
    """Return the state of the alarm at `now` (Unix seconds); a comparison we do not know keeps its state."""
    if alarm.comparison not in _COMPARISONS:
        return Verdict(alarm.state, (), f"Comparisons by {alarm.comparison} are not evaluated here.")
    periods = _periods(alarm, points, now)
    found = [datapoint for datapoint in periods if datapoint]
    deciding = tuple(found[: alarm.periods])
    state = _state(alarm, periods, deciding)
    return Verdict(state, deciding, _reason(alarm, state, deciding))


def _periods(alarm: Alarm, points: Iterable[Point], now: float) -> list[Datapoint | None]:
    """Return the datapoints of the periods looked at, newest first; None: the period has none."""
    running = int(now // alarm.period)
    grouped: dict[int, list[Point]] = {}
    for point in points:
        grouped.setdefault(int(point.at // alarm.period), []).append(point)
    newest = running if alarm.is_gauge and running in grouped else running - 1
    return [
        _datapoint(alarm, number, grouped.get(number, []))
        for number in range(newest, newest - alarm.periods - _LOOK_BACK, -1)
    ]


def _datapoint(alarm: Alarm, number: int, points: list[Point]) -> Datapoint | None:
    value = statistic(alarm.statistic, points)
    if value is None:
        return None
    breaches, _ = _COMPARISONS[alarm.comparison]
    return Datapoint(number * alarm.period, value, breaches(value, alarm.threshold))


def _state(alarm: Alarm, periods: list[Datapoint | None], deciding: tuple[Datapoint, ...]) -> State:
    breaching = sum(datapoint.breaching for datapoint in deciding)
    lacking = alarm.periods - len(deciding)
    if alarm.missing == "breaching":
        breaching += lacking
    if breaching >= alarm.to_alarm:
        return "ALARM"
    if not lacking or alarm.missing in ("breaching", "notBreaching"):
        return "OK"
    if breaching < len(deciding):
        return "OK"
    if alarm.missing == "ignore":
        return alarm.state
    if not deciding:
        return "INSUFFICIENT_DATA"
    # all there is breaches, but there is too little: an alarm once that could be M periods ago
    oldest = max(i for i, datapoint in enumerate(periods) if datapoint)
    return "ALARM" if oldest + 1 >= alarm.to_alarm else alarm.state


def _reason(alarm: Alarm, state: State, deciding: tuple[Datapoint, ...]) -> str:
    """Return the reason in CloudWatch's manner."""
    lacking = alarm.periods - len(deciding)
    unknown = f"{lacking} datapoint{'s were' if lacking > 1 else ' was'} unknown"
    if state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {unknown}."
    filled = {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(alarm.missing)
    treated = f" {unknown}" + (f" and treated as [{filled}]." if filled else ".") if lacking else ""
    if not deciding:
        return f"Threshold Crossed: no datapoints were received for {alarm.periods} periods.{treated}"
    shown = [each for each in deciding if each.breaching == (state == "ALARM")] or list(deciding)
    values = ", ".join(f"{each.value} ({_minute(each.start)})" for each in shown)
    _, words = _COMPARISONS[alarm.comparison]
    were = ("were" if len(shown) > 1 else "was") + ("" if shown[0].breaching else " not")
    return (
        f"Threshold Crossed: {len(shown)} out of the last {alarm.periods} datapoints [{values}] {were} {words} "
        f"the threshold ({alarm.threshold}).{treated}"
    )


def _minute(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%d/%m/%y %H:%M:%S")
