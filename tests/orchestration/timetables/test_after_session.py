"""One run a NYSE session, at the first 22:00 in Seoul after its close."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pendulum
import pytest
from airflow.timetables.base import DataInterval, TimeRestriction

from include.orchestration.timetables.after_session import AfterSessionTimetable

TIMETABLE = AfterSessionTimetable(calendar="XNYS", at="22:00", time_zone="Asia/Seoul")


def runs(first: str, count: int) -> list[tuple[str, str]]:
    restriction = TimeRestriction(earliest=pendulum.parse(first), latest=None, catchup=True)
    found, last = [], None
    for _ in range(count):
        info = TIMETABLE.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        assert info is not None
        found.append((f"{info.data_interval.start:%Y-%m-%d}", f"{info.run_after:%Y-%m-%d %H:%M}"))
        last = info.data_interval
    return found


def test_a_session_is_due_at_22_in_seoul_the_day_after() -> None:
    assert runs("2013-02-28", 3) == [
        ("2013-02-28", "2013-03-01 13:00"),
        ("2013-03-01", "2013-03-02 13:00"),
        ("2013-03-04", "2013-03-05 13:00"),
    ]


def test_holidays_have_no_run() -> None:
    assert [day for day, _ in runs("2012-12-24", 2)] == ["2012-12-24", "2012-12-26"]


def test_an_early_close_and_daylight_saving_do_not_move_the_run() -> None:
    assert runs("2012-11-23", 1) == [("2012-11-23", "2012-11-24 13:00")]  # closes at 13:00 New York
    assert runs("2013-03-08", 2) == [
        ("2013-03-08", "2013-03-09 13:00"),
        ("2013-03-11", "2013-03-12 13:00"),
    ]


def test_the_data_interval_is_the_session() -> None:
    interval = TIMETABLE.infer_manual_data_interval(run_after=pendulum.datetime(2013, 3, 1))
    assert interval == DataInterval(
        pendulum.datetime(2013, 3, 1, 14, 30), pendulum.datetime(2013, 3, 1, 21, 0)
    )


@pytest.mark.parametrize(
    ("logical_date", "session"),
    [
        ("2013-03-01T00:00", "2013-03-01"),  # a day by its name
        ("2013-03-03T00:00", "2013-03-01"),  # a Sunday by its name
        ("2013-03-01T20:59", "2013-02-28"),  # an instant just before the close
        ("2013-03-01T21:00", "2013-03-01"),
        ("2013-03-04T09:00", "2013-03-01"),
    ],
)
def test_a_run_by_hand_is_for_the_named_day_or_the_last_closed_session(
    logical_date: str, session: str
) -> None:
    interval = TIMETABLE.infer_manual_data_interval(run_after=pendulum.parse(logical_date))
    assert f"{interval.start:%Y-%m-%d}" == session


def test_without_catchup_only_the_newest_due_session_is_owed() -> None:
    restriction = TimeRestriction(earliest=pendulum.datetime(2000, 1, 1), latest=None, catchup=False)
    info = TIMETABLE.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert info is not None
    now = datetime.now(timezone.utc)
    assert now - timedelta(days=6) < info.run_after <= now


def test_no_run_after_the_end_date() -> None:
    restriction = TimeRestriction(
        earliest=pendulum.datetime(2013, 3, 1), latest=pendulum.datetime(2013, 3, 1, 12), catchup=True
    )
    assert TIMETABLE.next_dagrun_info(last_automated_data_interval=None, restriction=restriction) is None


def test_it_survives_serialization() -> None:
    again = AfterSessionTimetable.deserialize(TIMETABLE.serialize())
    assert again.serialize() == TIMETABLE.serialize()
    assert again.summary == "22:00 Asia/Seoul after each XNYS session"
