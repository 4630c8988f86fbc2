"""Which letters are redriven, and the table of all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from include.core.queues import extract_letters, load_queues
from include.redrive.choice import SHOWN, age_text, choose, table_of
from include.redrive.config import RedriveRequest
from include.redrive.letters import Letter, read_letter
from tests.redrive.office import NOW, chunk_letter, letter, received


def a(name: str, **fields: Any) -> Letter:
    found = letter(key=f"market/prices/ds=2026-11-20/{name}.parquet", **fields).model_dump_json()
    return read_letter(received(found), load_queues("any", "market"), "any")


def old(minutes: int) -> dict[str, Any]:
    return {"failed_at": NOW - timedelta(minutes=minutes)}


LETTERS = [
    a("young", code="E003", **old(10)),
    a("old", **old(500)),
    a("middle", **old(60)),
    read_letter(received("?"), load_queues("any", "market"), "any"),
]


def chosen(**asked: Any) -> list[str]:
    found = choose(LETTERS, RedriveRequest(queue="load_market", **asked), NOW)
    return [",".join(one.letter.keys).split("/")[-1].split(".")[0] for one in found if one.chosen]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["old", "", "middle", "young"]),
        ({"code": "e005"}, ["old", "middle"]),
        ({"code": "UNKNOWN"}, [""]),
        ({"code": "E00"}, []),
        ({"key": "d"}, ["old", "middle", "young"]),
        ({"key": "*/y*.parquet"}, ["young"]),
        ({"min_age_minutes": 60}, ["old", "", "middle"]),
        ({"max_age_minutes": 60}, ["middle", "young"]),
        ({"min_age_minutes": 11, "max_age_minutes": 120}, ["", "middle"]),
        ({"limit": 1}, ["old"]),
        ({"limit": 1, "code": "E003"}, ["young"]),
        ({"limit": 9}, ["old", "", "middle", "young"]),
    ],
    ids=str,
)
def test_filters_choose_and_the_oldest_come_first(asked: dict[str, Any], names: list[str]) -> None:
    assert chosen(**asked) == names


def test_symbols_and_errors_choose_among_chunks() -> None:
    chunk = read_letter(received(chunk_letter()), extract_letters("any"), "any")
    for asked, wanted in [({"key": "IBM"}, True), ({"key": "GOOG"}, False), ({"code": "ratelimited"}, True)]:
        (choice,) = choose([chunk], RedriveRequest(queue="extract", **asked), NOW)
        assert choice.chosen is wanted


def test_a_letter_that_cannot_be_sent_stays_and_takes_no_place_of_the_limit() -> None:
    lost = a("lost", source_queue="elsewhere", **old(900))
    found = choose([lost, *LETTERS], RedriveRequest(queue="load_market", limit=1), NOW)
    assert [one.action for one in found][:2] == ["stays: nowhere to send it to", "redrive"]


def test_the_table_says_of_each_letter_what_it_is_and_what_becomes_of_it() -> None:
    text = table_of(choose(LETTERS, RedriveRequest(queue="load_market", code="E003"), NOW), "letters")
    row = next(line for line in text.splitlines() if "young" in line)
    for cell in ("E003", "ClickHouse refuses", " 3 ", "10 min", "redrive"):
        assert cell in row
    assert text.count("stays: another code") == 3


def test_brackets_in_a_message_are_shown_as_they_are() -> None:
    text = table_of(
        choose([a("x", message="[bold]x[/red] \x1b[31m")], RedriveRequest(queue="load_market"), NOW), ""
    )
    assert "[bold]x[/red]" in text
    assert "\x1b" not in text


def test_a_long_table_says_how_many_it_leaves_out() -> None:
    text = table_of(choose([a("x")] * (SHOWN + 7), RedriveRequest(queue="load_market"), NOW), "")
    assert "and 7 more" in text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-5), "0 min"), (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(minutes=61), "1 h 1 min"), (timedelta(days=3, hours=2, minutes=1), "3 d 2 h"),
    ],
)  # fmt: skip
def test_an_age_has_two_units(age: timedelta, text: str) -> None:
    assert age_text(age) == text
