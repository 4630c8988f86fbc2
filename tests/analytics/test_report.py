"""The report: one file, complete, and nothing from elsewhere."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser

import pytest

from include.analytics.charts import bar_chart, line_chart
from include.analytics.checks import judge_day
from include.analytics.missing import Missing
from include.analytics.report import Facts, render_report
from include.analytics.statements import QUERIES
from tests.analytics.days import DAY, HOUR, LATER, START, Lines, answers, clean_day, event, hard_day, minute

FACTS = Facts(DAY, "manual__1", LATER, "event-1")
VOID = {"meta"}


class Balanced(HTMLParser):
    """Fails at a tag that is closed before what is in it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """`<line/>` is closed already."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def report(lines: Lines) -> str:
    results = answers(lines)
    return render_report(
        FACTS, results, judge_day(results, is_over=True, missing=Missing(2, ("req-00001", "req-00002")))
    )


@pytest.mark.parametrize("lines", [clean_day(), hard_day(), Lines()], ids=["clean", "hard", "empty"])
def test_it_is_whole_and_loads_nothing(lines: Lines) -> None:
    html = report(lines)
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    assert not re.search(r"<script|<link|<img|<iframe|\ssrc=|\shref=|url\(|@import", html)
    assert set(re.findall(r"https?://[^\"<\s]+", html)) <= {"http://www.w3.org/2000/svg"}


def test_it_has_the_charts_the_checks_and_every_querys_text() -> None:
    html = report(clean_day())
    assert html.count("<svg") == 4
    for word in (
        "traffic",
        "throughput",
        "p50",
        "p95",
        "p99",
        "SOLD_OUT (DLQ)",
        "missing_events",
        "event-2",
        "req-00002",
    ):
        assert word in html
    text = unescape(html)
    assert all(query.text in text for query in QUERIES)


def test_a_day_without_events_says_so() -> None:
    assert "<strong>No events.</strong>" in report(Lines())
    assert "<strong>No events.</strong>" not in report(clean_day())


def test_a_failed_validation_stands_at_the_top() -> None:
    lines = clean_day(5)
    lines.add(event(9, START + HOUR, wait=-1), START + HOUR)
    assert "2 validation(s) failed." in report(lines).split("<h2>")[0]


def test_what_an_event_says_of_itself_is_text() -> None:
    lines = Lines()
    lines.add(event(1, START, eventId="<script>x", resultCode="<b>"), START)
    html = report(lines)
    assert "<script" not in html
    assert "&lt;script&gt;x" in html


def test_a_line_breaks_where_minutes_have_no_requests() -> None:
    at = minute(START)
    steps = [(at + timedelta(minutes=m), 1.0) for m in (0, 1, 2, 9, 10, 30)]
    svg = line_chart({"traffic": steps}, unit="requests a minute")
    drawn = re.search(r'<path d="([^"]+)"', svg)
    assert drawn
    assert re.sub(r"[\d. ]", "", drawn[1]) == "MLLMLM"
    assert svg.count("<circle") == 1  # the last is alone


def test_charts_of_nothing_are_a_sentence() -> None:
    assert line_chart({"traffic": []}, unit="x") == bar_chart([]) == "<p>No data.</p>"
