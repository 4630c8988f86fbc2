"""A run for each exchange session, at the first given hour after its close (seed 001: 22:00 KST)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

from include.core import sessions
from include.core.clock import utc_now

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction


class AfterSessionTimetable(Timetable):
    """One run a session of `calendar`; its data interval is the session, open to close.

    :param calendar: exchange_calendars' name, for instance XNYS.
    :param at: local wall time of the run, `HH:MM`.
    :param time_zone: the zone of that wall time.
    """

    def __init__(self, *, calendar: str = "XNYS", at: str = "22:00", time_zone: str = "Asia/Seoul") -> None:
        self.calendar = calendar
        self.at = at
        self.time_zone = time_zone

    @property
    def summary(self) -> str:
        """What the UI shows as the schedule."""
        return f"{self.at} {self.time_zone} after each {self.calendar} session"

    @property
    def description(self) -> str:  # type: ignore[override]
        """The same, as a sentence."""
        return f"At {self.summary}"

    def serialize(self) -> dict[str, Any]:
        """Return what `deserialize` needs."""
        return {"calendar": self.calendar, "at": self.at, "time_zone": self.time_zone}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> AfterSessionTimetable:
        """Return the timetable that was serialized."""
        return cls(**data)

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Return the session a run by hand is for.

        A logical date at midnight UTC names a day (`airflow dags test … 2013-03-01`): its session, or the
        one before it. Any other instant means "now": the last session that had closed by then.
        """
        if run_after.timetz().replace(tzinfo=None) == time(0):
            session = sessions.session_on_or_before(self.calendar, run_after.date())
        else:
            session = sessions.last_closed_session(self.calendar, run_after)
        return self._interval(session)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the run after the last one, within the DAG's start and end dates."""
        if last_automated_data_interval is not None:
            last = sessions.last_closed_session(self.calendar, last_automated_data_interval.end)
            session = sessions.session_after(self.calendar, last)
        else:
            if restriction.earliest is None:
                return None
            session = self._first_session(restriction.earliest)
        if not restriction.catchup:
            # without catch-up only the newest session whose hour has come is still owed
            session = max(session, self._last_due_session(utc_now()))
        run = self._run(session)
        ends = restriction.latest
        return None if ends is not None and self._interval(session).start > ends else run

    def _first_session(self, earliest: datetime) -> date:
        before = sessions.session_on_or_before(self.calendar, earliest.date())
        return before if before >= earliest.date() else sessions.session_after(self.calendar, before)

    def _last_due_session(self, now: datetime) -> date:
        session = sessions.last_closed_session(self.calendar, now)
        while self._run_after(session) > now:
            session = sessions.session_on_or_before(self.calendar, session - timedelta(days=1))
        return session

    def _run(self, session: date) -> DagRunInfo:
        return DagRunInfo(
            run_after=_pendulum(self._run_after(session)),
            data_interval=self._interval(session),
            partition_date=None,
            partition_key=None,
        )

    def _run_after(self, session: date) -> datetime:
        """Return the first `at` o'clock in `time_zone` after the session's close."""
        close = sessions.session_bounds(self.calendar, session)[1].astimezone(ZoneInfo(self.time_zone))
        hour, minute = map(int, self.at.split(":"))
        same_day = close.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return same_day if same_day > close else same_day + timedelta(days=1)

    def _interval(self, session: date) -> DataInterval:
        opened, closed = sessions.session_bounds(self.calendar, session)
        return DataInterval(_pendulum(opened), _pendulum(closed))


def _pendulum(instant: datetime) -> Any:
    import pendulum

    return pendulum.instance(instant).in_timezone("UTC")
