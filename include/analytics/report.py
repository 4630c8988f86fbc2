"""The day's report: one HTML file that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from include.analytics.charts import Points, bar_chart, line_chart
from include.analytics.checks import Check, failed
from include.analytics.config import Day
from include.analytics.results import Results, Rows
from include.analytics.statements import QUERIES

_ROWS_SHOWN = 1500
_STYLE = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;font-size:.9em}td,th{border:1px solid #8886;padding:.2rem .6rem;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}svg{width:100%;font-size:12px;fill:currentColor}
pre{overflow:auto;background:#8881;padding:.6rem;font-size:.85em}.failed{color:#dc2626;font-weight:600}
.warning{color:#ca8a04;font-weight:600}.ok{color:#16a34a}details{margin:.4rem 0}
"""


@dataclass(frozen=True)
class Facts:
    """What the report says about itself."""

    day: Day
    run_id: str
    made_at: datetime
    event_id: str
    """Whose delay the seed's query asked; empty: there was no event."""


def render_report(facts: Facts, results: Results, checks: Sequence[Check]) -> str:
    """Return the report's HTML."""
    title = f"G1 metrics, {facts.day.dt}"
    body = [
        f"<h1>{title}</h1>",
        f"<p>{_verdict(results, checks)}</p>",
        f"<p>Run <code>{escape(facts.run_id)}</code>, {facts.made_at:%Y-%m-%d %H:%M:%S} UTC. Times are UTC, delays "
        f"milliseconds. What arrived until then is in it, at the latest on {facts.day.last}.</p>",
        _section("Checks", _check_table(checks)),
        *_charts(results),
        *_answers(facts, results),
    ]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _verdict(results: Results, checks: Sequence[Check]) -> str:
    total = results.one("select_day_total")
    lines = results.one("select_quality")["line_count"]
    if not total["total_count"] and not lines:
        return "<strong>No events.</strong> Nothing arrived on this day and nothing of it arrived later."
    bad = failed(checks)
    outcome = f'<span class="failed">{len(bad)} validation(s) failed.</span>' if bad else "Validations are 0."
    return (
        f"<strong>{total['total_count']:,} events of {total['request_count']:,} requests</strong> queued on "
        f"this day; {lines:,} lines arrived on it. {outcome}"
    )


def _charts(results: Results) -> Iterable[str]:
    traffic, done = results.rows["select_traffic_late_safe"], results.rows["select_throughput_late_safe"]
    yield _section(
        "Traffic (queuedAt) and throughput (finishedAt) per minute",
        line_chart(
            {
                "traffic": _points(traffic, "traffic_per_min"),
                "throughput": _points(done, "throughput_per_min"),
            },
            unit="requests a minute",
        ),
    )
    bars = [
        (f"{row['resultcode']}{' (DLQ)' if row['isdlq'] else ''}", row["total_count"],
         f"{row['total_count']:,} ({row['ratio_percent']:g} %)")
        for row in results.rows["select_distribution_late_safe"]
    ]  # fmt: skip
    yield _section("Result distribution (resultCode, isDlq)", bar_chart(bars))
    minutes = results.rows["select_delay_by_minute"]
    for kind, name in (
        ("queue", "Queue delay (startedAt - queuedAt)"),
        ("e2e", "E2E delay (finishedAt - queuedAt)"),
    ):
        lines = {f"p{p}": _points(minutes, f"p{p}_{kind}_delay_ms") for p in (50, 95, 99)}
        yield _section(f"{name} over time", line_chart(lines, unit="milliseconds"))
    yield _section("Delay by event", _table(results.rows["select_delay_late_safe"]))


def _answers(facts: Facts, results: Results) -> Iterable[str]:
    yield "<h2>Queries and their answers</h2>"
    if facts.event_id:
        yield f"<p>The event of <code>select_delay</code> is <code>{escape(facts.event_id)}</code>.</p>"
    for query in QUERIES:
        rows = results.rows[query.name]
        yield (
            f"<details><summary><code>{query.name}</code>: {len(rows):,} row(s)</summary>"
            f"<pre>{escape(query.text)}</pre>{_table(rows)}</details>"
        )


def _points(rows: Rows, column: str) -> Points:
    found = [(row["min_time"], float(row[column])) for row in rows if row[column] is not None]
    return sorted(found)


def _check_table(checks: Sequence[Check]) -> str:
    rows = "".join(
        f'<tr><td><code>{check.name}</code></td><td class="n">{check.value:g}</td>'
        f'<td class="{check.outcome}">{check.outcome}</td><td>{escape(check.note)}</td></tr>'
        for check in checks
    )
    return f"<table><tr><th>check</th><th>value</th><th>outcome</th><th>what</th></tr>{rows}</table>"


def _table(rows: Rows) -> str:
    if not rows:
        return "<p>No rows.</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(f"<tr>{''.join(map(_cell, row.values()))}</tr>" for row in rows[:_ROWS_SHOWN])
    more = f"<p>… and {len(rows) - _ROWS_SHOWN:,} more.</p>" if len(rows) > _ROWS_SHOWN else ""
    return f"<table><tr>{head}</tr>{body}</table>{more}"


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"<td>{value:%Y-%m-%d %H:%M}</td>"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f'<td class="n">{value:,}</td>'
    return f"<td>{'NULL' if value is None else escape(str(value))}</td>"


def _section(title: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2>{body}"
