"""Instants are aware and UTC."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from include.core.clock import iso_utc, utc_now


def test_now_is_aware_and_utc() -> None:
    before = datetime.now(timezone.utc)
    now = utc_now()
    assert now.utcoffset() == timedelta(0)
    assert before <= now <= datetime.now(timezone.utc)


def test_an_instant_of_any_zone_is_written_in_utc_to_the_second() -> None:
    seoul = timezone(timedelta(hours=9))
    assert iso_utc(datetime(2013, 3, 2, 6, 0, 1, 999_999, tzinfo=seoul)) == "2013-03-01T21:00:01Z"
