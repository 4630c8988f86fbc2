"""Generated days of events, and every answer about them computed without SQL, by polars over the raw lines."""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import polars as pl

from include.analytics.config import Day
from include.analytics.results import Results, Rows
from include.core.contracts.participation import ParticipationProcessed

DT = date(2026, 1, 4)
DAY = Day(DT, late_days=1)
START, END = DAY.bounds_ms
HOUR = 3_600_000
CODES = (("SUCCEEDED", "SUCCESS"), ("REJECTED", "SOLD_OUT"), ("FAILED_FINAL", "POISON"))


def event(request: int, queued: int, *, wait: int = 100, work: int = 150, **changed: Any) -> dict[str, Any]:
    """Return an event's detail; it holds to the contract unless `changed` breaks it."""
    status, code = CODES[request % 7 % 3]
    detail = {
        "schemaVersion": 1, "env": "dev", "eventId": f"event-{request % 3}", "requestId": f"req-{request:05d}",
        "eventType": "FIRST_COME", "finalStatus": status, "resultCode": code,
        "timestamps": {"queuedAt": queued, "startedAt": queued + wait, "finishedAt": queued + wait + work},
        "delivery": {"attempt": 1, "isDlq": request % 40 == 0},
        "failure": {"failureClass": None, "errorCode": None, "errorMessage": None},
        "meta": {"workerId": "local-1"},
    }  # fmt: skip
    ParticipationProcessed.model_validate(detail)
    return detail | changed


@dataclass
class Lines:
    """NDJSON lines by day and hour of arrival."""

    by_hour: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, line: dict[str, Any] | str, arrived: int) -> None:
        """Put a line where Firehose would have, had it arrived at `arrived` (ms, UTC)."""
        at = datetime.fromtimestamp(arrived / 1000, timezone.utc)
        text = line if isinstance(line, str) else json.dumps(line, separators=(",", ":"))
        self.by_hour[f"{at:%Y-%m-%d}", f"{at:%H}"].append(text)

    def objects(self) -> Iterable[tuple[str, bytes]]:
        """Yield keys and bytes."""
        for (dt, hour), lines in sorted(self.by_hour.items()):
            yield f"events/dt={dt}/hour={hour}/part-0", ("\n".join(lines) + "\n").encode()


def clean_day(count: int = 300) -> Lines:
    """Return a day of good events, in the hours from 9 to 11."""
    rnd, lines = random.Random(4), Lines()
    for request in range(count):
        queued = START + 9 * HOUR + rnd.randrange(3 * HOUR)
        one = event(request, queued, wait=rnd.randrange(1, 900), work=rnd.randrange(1, 2000))
        lines.add(one, min(queued + 60_000, START + 12 * HOUR - 1))
    return lines


def hard_day() -> Lines:
    """Return a day with everything in it that goes wrong, but nothing that a validation refuses."""
    lines = clean_day()
    lines.add('{"broken', START + 9 * HOUR)
    lines.add("not JSON at all", START + 10 * HOUR)
    twice = event(1000, START + 9 * HOUR)
    lines.add(twice, START + 9 * HOUR + 1000)
    lines.add(twice, START + 13 * HOUR)  # delivered again, two hours after the last one: hour 12 is missing
    for late in range(20):  # queued before midnight, arrived after it
        lines.add(event(2000 + late, END - 5_000 + late), END + 30_000)
    lines.add(event(3000, START - 10), START + 20)  # of the day before
    lines.add(event(3001, END - 100, wait=50, work=200), END + 1)  # queued today, finished tomorrow
    lines.add(event(3002, END + 90_000), END - 5)  # a clock that is ahead
    lines.add(event(3003, START + 9 * HOUR) | {"unknownField": {"x": 1}}, START + 9 * HOUR)
    return lines


def answers(lines: Lines, day: Day = DAY) -> Results:
    """Return what every query must answer."""
    frame = _frame(lines)
    start, end = day.bounds_ms
    arrived = frame.filter(pl.col("dt") == day.dt.isoformat())
    read = read_frame(lines, day)
    parsed = read.filter(pl.col("eventid").is_not_null())
    of_requests = parsed.filter(pl.col("requestid").is_not_null())
    within = parsed.filter((pl.col("queued") >= start) & (pl.col("queued") < end))
    published = within.filter(pl.col("requestid").is_not_null())
    queued = published.unique("requestid", keep="first")
    done = of_requests.filter((pl.col("finished") >= start) & (pl.col("finished") < end)).unique("requestid")
    busiest = _groups(arrived.filter(pl.col("eventid").is_not_null()), ["eventid"])
    target = min(busiest, key=lambda row: (-row["total_count"], row["eventid"]), default={"eventid": ""})[
        "eventid"
    ]
    some = pl.coalesce("queued", "started", "finished")
    of_day = parsed.filter(
        ((some >= start) & (some < end)) | (some.is_null() & (pl.col("dt") == str(day.dt)))
    )
    named = arrived.filter(pl.col("requestid").is_not_null())
    return Results(
        {
            "select_traffic": _per_minute(arrived, "queued", "traffic_per_min", ["dt", "hour"]),
            "select_throughput": _per_minute(arrived, "finished", "throughput_per_min", ["dt", "hour"]),
            "select_distribution": _shares(arrived, digits="0.1"),
            "select_delay": [
                {key: row[key] for key in ("eventid", "p95_queue_delay_ms", "p95_e2e_delay_ms")}
                for row in _delays(arrived.filter(pl.col("eventid") == target), "eventid")
            ],
            "validate_negative_delay": [{"negative_delay_count": arrived.filter(_negative()).height}],
            "validate_missing_timestamp": [{"missing_timestamp_count": arrived.filter(_lacks()).height}],
            "select_traffic_late_safe": _per_minute(queued, "queued", "traffic_per_min", []),
            "select_throughput_late_safe": _per_minute(done, "finished", "throughput_per_min", []),
            "select_distribution_late_safe": _shares(queued),
            "select_delay_late_safe": _delays(queued, "eventid"),
            "validate_negative_delay_late_safe": [{"negative_delay_count": within.filter(_negative()).height}],
            "validate_missing_timestamp_late_safe": [{"missing_timestamp_count": of_day.filter(_lacks()).height}],
            "select_delay_by_minute": _delays(queued.with_columns(min_time=_minute("queued")), "min_time"),
            "select_hours": _groups(arrived, ["hour"], "line_count"),
            "select_quality": [
                {
                    "line_count": arrived.height,
                    "event_count": arrived.filter(pl.col("eventid").is_not_null()).height,
                    "malformed_count": arrived.height - named.height,
                    "request_count": named["requestid"].n_unique(),
                    "duplicate_count": named.height - named["requestid"].n_unique(),
                    "dlq_count": arrived.filter("isdlq").height,
                    "ahead_count": arrived.filter(pl.col("queued") >= end).height,
                }
            ],
            "select_faulty_requests": _faulty(read, day),
            "select_doubled_requests": _doubled(published),
            "select_day_total": [
                {
                    "total_count": published.height,
                    "request_count": queued.height,
                    "late_count": published.filter(pl.col("dt") > day.dt.isoformat()).height,
                }
            ],
        }
    )  # fmt: skip


def read_frame(lines: Lines, day: Day) -> pl.DataFrame:
    """Return what arrived on the days that are read."""
    bounds = (pl.lit(one.isoformat()) for one in (day.dt, day.last))
    return _frame(lines).filter(pl.col("dt").is_between(*bounds))


def _doubled(published: pl.DataFrame) -> Rows:
    found = (
        published.group_by("requestid").agg(pl.len().alias("event_count")).filter(pl.col("event_count") > 1)
    )
    totals = {"doubled_count": found.height, "extra_count": int(found["event_count"].sum()) - found.height}
    return [row | totals for row in found.sort("requestid").head(20).to_dicts()]


def _frame(lines: Lines) -> pl.DataFrame:
    rows = [
        {"dt": dt, "hour": hour, **_fields(line)}
        for (dt, hour), all_ in lines.by_hour.items()
        for line in all_
    ]
    names = ("eventid", "requestid", "resultcode")
    schema: dict[str, Any] = dict.fromkeys(("dt", "hour", *names), pl.String)
    schema |= {"isdlq": pl.Boolean} | dict.fromkeys(("queued", "started", "finished"), pl.Int64)
    return pl.DataFrame(rows, schema=schema)


def _fields(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    times = told.get("timestamps") or {}
    return {
        "eventid": told.get("eventId"), "requestid": told.get("requestId"), "resultcode": told.get("resultCode"),
        "isdlq": (told.get("delivery") or {}).get("isDlq"), "queued": times.get("queuedAt"),
        "started": times.get("startedAt"), "finished": times.get("finishedAt"),
    }  # fmt: skip


def _minute(column: str) -> pl.Expr:
    return pl.from_epoch(column, time_unit="ms").dt.truncate("1m").dt.replace_time_zone("UTC")


def _per_minute(frame: pl.DataFrame, column: str, count: str, more: list[str]) -> Rows:
    return _groups(frame.with_columns(min_time=_minute(column)), [*more, "min_time"], count)


def _groups(frame: pl.DataFrame, by: list[str], count: str = "total_count") -> Rows:
    return frame.group_by(by).agg(pl.len().alias(count)).to_dicts()


def _shares(frame: pl.DataFrame, digits: str = "0.01") -> Rows:
    rows = _groups(frame, ["resultcode", "isdlq"])
    for row in rows:
        share = Decimal(row["total_count"] * 100) / Decimal(frame.height)
        row["ratio_percent"] = float(share.quantize(Decimal(digits), ROUND_HALF_UP))
    return rows


def _delays(frame: pl.DataFrame, by: str) -> Rows:
    found = []
    for (name,), rows in frame.group_by(by):
        row: dict[str, Any] = {by: name, "total_count": rows.height}
        for kind, column in (("queue", "started"), ("e2e", "finished")):
            values = sorted((rows[column] - rows["queued"]).drop_nulls())
            for p in (50, 95, 99):
                row[f"p{p}_{kind}_delay_ms"] = (
                    values[math.ceil(p * len(values) / 100) - 1] if values else None
                )
        found.append(row)
    return found


def _lacks() -> pl.Expr:
    return pl.any_horizontal(pl.col("queued", "started", "finished").is_null())


def _negative() -> pl.Expr:
    q, s, f = (pl.col(name) for name in ("queued", "started", "finished"))
    return ((f < s) | (s < q) | (f < q)).fill_null(value=False)


def _faulty(read: pl.DataFrame, day: Day) -> Rows:
    start, end = day.bounds_ms
    some = pl.coalesce("queued", "started", "finished")
    meant = read.filter(
        pl.col("requestid").is_not_null()
        & ((pl.col("dt") == day.dt.isoformat()) | ((some >= start) & (some < end)).fill_null(value=False))
    )
    rows: Rows = []
    for fault, frame in (
        ("missing_timestamp", meant.filter(_lacks())),
        ("negative_delay", meant.filter(~_lacks() & _negative())),
    ):
        for row in frame.sort("requestid").head(20).to_dicts():
            times = {f"{name}at": row[name] for name in ("queued", "started", "finished")}
            rows.append({"fault": fault, "requestid": row["requestid"], **times})
    return rows


def minute(ms: int) -> datetime:
    """Return the minute of an instant in milliseconds."""
    return datetime.fromtimestamp(ms / 1000, timezone.utc).replace(second=0, microsecond=0)


LATER = datetime(2026, 1, 5, 0, 15, tzinfo=timezone.utc)
