"""Schedules of DAGs that empty queues."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, AssetAny, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable

from include.orchestration.triggers.queue_waiting import QueueWaitingTrigger


def on_messages(*titles: str, sweep: str) -> Any:
    """Return a schedule: as soon as one of the queues has messages, and by the cron `sweep` (UTC) anyway.

    `titles` are those of `include.core.queues`. The sweep is for messages whose event Airflow lost.
    """
    assets = [_queue(title) for title in titles]
    return AssetOrTimeSchedule(
        timetable=CronTriggerTimetable(sweep, timezone="UTC"),
        assets=assets[0] if len(assets) == 1 else AssetAny(*assets),
    )


def _queue(title: str) -> Asset:
    """Return the asset "messages waited in the queue"; its watcher's name is the queue's title."""
    watcher = AssetWatcher(name=title, trigger=QueueWaitingTrigger(title=title))
    return Asset(name=f"messages_waited_{title}", uri=f"x-tapeline://queue/{title}", watchers=[watcher])
