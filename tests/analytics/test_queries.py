"""Every query of the pipeline on the local Athena, against polars over the raw lines."""

from __future__ import annotations

import pytest

from devstack.stack import Stack
from include.analytics.statements import (
    BUSIEST,
    PUBLISHED,
    QUERIES,
    SEED,
    render_create,
    render_partitions,
    render_repair,
)
from include.clients.athena import iter_text_column
from tests.analytics.days import DAY, HOUR, START, Lines, answers, clean_day, event, hard_day, read_frame
from tests.analytics.lake import Lake, make_lake, sorted_rows

pytestmark = pytest.mark.integration


@pytest.fixture
def lake(stack: Stack) -> Lake:
    return make_lake(stack)


def faulty_day() -> Lines:
    """A hard day with delays below 0 and timestamps that lack, on time and late."""
    lines = hard_day()
    for request in range(30):
        queued = START + HOUR * 10 + request
        lines.add(event(5000 + request, queued, wait=-7), queued)
        lines.add(
            event(6000 + request, queued, timestamps={"queuedAt": queued, "finishedAt": queued + 5}), queued
        )
    lines.add(event(7000, START + 24 * HOUR - 1, work=-3000), START + 24 * HOUR + 5)
    lines.add(event(7001, START, timestamps=None), START)
    return lines


@pytest.mark.parametrize("lines", [clean_day(), hard_day(), faulty_day()], ids=["clean", "hard", "faulty"])
def test_every_answer_is_that_of_the_raw_lines(lake: Lake, lines: Lines) -> None:
    lake.put(lines)
    lake.prepare()
    expected = answers(lines)
    event_id = lake.answer(BUSIEST).dicts()[0]["eventid"]
    assert event_id == expected.rows["select_delay"][0]["eventid"]
    found = lake.answers(event=event_id)
    for query in QUERIES:
        assert sorted_rows(found.rows[query.name]) == sorted_rows(expected.rows[query.name]), query.name


def test_the_ids_of_a_day_are_read_from_the_answers_file(lake: Lake) -> None:
    lines = hard_day()
    lines.add(event(1, START, requestId='req-"odd", \n', eventId=None), START)  # of nobody's making
    lake.put(lines)
    lake.prepare()
    query_id = lake.started(PUBLISHED)
    found = list(iter_text_column(lake.aws, query_id))
    frame = read_frame(lines, DAY)
    assert sorted(found) == sorted(frame["requestid"].drop_nulls().unique())
    assert 'req-"odd", \n' in found


def test_a_day_without_events_is_answered_by_nothing_and_zeros(lake: Lake) -> None:
    lake.prepare()
    assert lake.answers().rows == answers(Lines()).rows


def test_only_the_partitions_of_the_days_that_are_read_are_added(lake: Lake) -> None:
    lines = clean_day(10)
    lines.add(event(1, START - 24 * HOUR), START - 24 * HOUR)
    lake.put(lines)
    lake.prepare()
    known = {row[0] for row in lake.ask("SHOW PARTITIONS participation_logs").rows}
    assert len(known) == 48
    assert not any("2026-01-03" in partition for partition in known)
    lake.ask(render_repair())
    known = {row[0] for row in lake.ask("SHOW PARTITIONS participation_logs").rows}
    assert any("2026-01-03" in partition for partition in known)


def test_statements_of_the_table_may_be_repeated(lake: Lake) -> None:
    lake.put(clean_day(10))
    for _ in range(2):
        lake.prepare()
        lake.ask(render_repair())
    assert lake.answers().rows["select_quality"] == answers(clean_day(10)).rows["select_quality"]


def test_projected_partitions_need_none_to_be_added(lake: Lake) -> None:
    lines = hard_day()
    lake.put(lines)
    lake.ask(render_create(lake.names.events_bucket, projected=True))
    found = lake.answers()
    for query in SEED:
        if query.name != "select_delay":  # its event is another here
            assert sorted_rows(found.rows[query.name]) == sorted_rows(answers(lines).rows[query.name])


def test_evidence_in_the_same_bucket_is_not_data(lake: Lake) -> None:
    lake.put(clean_day(10))
    lake.events.write("evidence/dt=2026-01-04/report.html", b"<p>")
    lake.ask(render_create(lake.names.events_bucket))
    lake.ask(render_repair())
    lake.ask(render_partitions(lake.names.events_bucket, DAY.arrivals))
    assert lake.answers().one("select_quality")["line_count"] == 10
