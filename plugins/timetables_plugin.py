"""Registers our timetables with Airflow."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class TimetablesPlugin(AirflowPlugin):
    """A property, so that a task process that never asks for timetables does not import them."""

    name = "tapeline_timetables"

    @property
    def timetables(self):  # type: ignore[no-untyped-def, override]
        """The classes that a serialized DAG may name."""
        from include.orchestration.timetables.after_session import AfterSessionTimetable

        return [AfterSessionTimetable]
