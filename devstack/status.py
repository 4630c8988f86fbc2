"""What `tapeline status` shows: services, queues with their dead letters, and alarms that are on.

Nothing is received to find out: that would count towards a queue's redrive limit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from devstack.supervisor import ServiceStatus
from include.clients.aws import Aws, aws_error
from include.clients.queues import Queue
from include.core.clock import utc_now
from include.core.errors import TapelineError
from include.core.queues import QueuePair, queue_pairs

if TYPE_CHECKING:
    from devstack.stack import Stack

_RECENT = timedelta(minutes=10)
"""SQS publishes the age each minute while the queue is used."""


@dataclass(frozen=True)
class QueueStatus:
    """One pair of queues; None: the queue is not there, or what is asked does not exist."""

    title: str
    queue: str | None
    dlq: str
    waiting: int | None = None
    in_flight: int | None = None
    oldest_seconds: int | None = None
    """Age of the oldest message of the queue; None: it has none."""
    letters: int | None = None
    oldest_letter_seconds: int | None = None
    missing: tuple[str, ...] = ()
    """Names of queues that are not there: the deployment is older than the code."""


@dataclass(frozen=True)
class AlarmStatus:
    """One alarm that is on."""

    name: str
    since: str
    """ISO 8601, UTC."""
    reason: str


@dataclass(frozen=True)
class Status:
    """All that is shown."""

    services: list[ServiceStatus]
    queues: list[QueueStatus] = field(default_factory=list)
    alarms: list[AlarmStatus] = field(default_factory=list)
    fault: str = ""
    """Why queues and alarms are not known; empty: they are, or the local AWS does not run."""

    @property
    def all_running(self) -> bool:
        """Whether every service runs."""
        return all(one.state == "running" for one in self.services)


def look_at(stack: Stack, environment: str) -> Status:
    """Return the status of one local default; queues and alarms only where its AWS answers."""
    services = stack.status()
    if not any(one.service == "aws" and one.state == "running" for one in services):
        return Status(services)
    try:
        aws = stack.aws()
        return Status(services, queue_states(aws, environment), alarms_on(aws, environment))
    except TapelineError as error:
        return Status(services, fault=str(error))


def queue_states(aws: Aws, environment: str) -> list[QueueStatus]:
    """Return the state of every pair of a deployment; raise as `aws_error` says."""
    try:
        pairs = queue_pairs(environment)
        present = _present(aws, environment)
        ages = _ages(aws, [name for pair in pairs for name in _names(pair) if name in present])
        return [_state(aws, pair, present, ages) for pair in pairs]
    except (BotoCoreError, ClientError) as error:
        raise aws_error(error, "looking at the queues") from error


def alarms_on(aws: Aws, environment: str) -> list[AlarmStatus]:
    """Return the deployment's alarms that are in ALARM, the newest first; raise as `aws_error` says."""
    pages = aws.client("cloudwatch").get_paginator("describe_alarms")
    try:
        answers = list(pages.paginate(AlarmNamePrefix=f"tapeline-{environment}-", StateValue="ALARM"))
    except (BotoCoreError, ClientError) as error:
        raise aws_error(error, "looking at the alarms") from error
    found = [alarm for answer in answers for alarm in answer["MetricAlarms"]]
    found.sort(key=lambda alarm: alarm["StateUpdatedTimestamp"], reverse=True)
    return [
        AlarmStatus(each["AlarmName"], each["StateUpdatedTimestamp"].isoformat(), each.get("StateReason", ""))
        for each in found
    ]


def as_json(status: Status) -> str:
    """Return the status as one JSON object."""
    return json.dumps(asdict(status), indent=2) + "\n"


def as_tables(status: Status) -> RenderableType:
    """Return the status for a terminal; what is not known has no table."""
    parts: list[RenderableType] = [_services_table(status.services)]
    if status.queues:
        parts += ["", _queues_table(status.queues)]
    missing = [name for one in status.queues for name in one.missing]
    if missing:
        parts.append(Text("`tapeline up` makes the queues that are missing.", style="yellow"))
    if status.alarms:
        parts += ["", _alarms_table(status.alarms)]
    if status.fault:
        parts += ["", Text(f"Queues and alarms are not known: {status.fault}", style="yellow")]
    return Group(*parts)


def _names(pair: QueuePair) -> list[str]:
    return [name for name in (pair.queue, pair.dlq) if name]


def _present(aws: Aws, environment: str) -> set[str]:
    """Return the names of the queues that are there."""
    pages = aws.client("sqs").get_paginator("list_queues")
    answers = pages.paginate(QueueNamePrefix=f"tapeline-{environment}-")
    return {url.rsplit("/", 1)[1] for answer in answers for url in answer.get("QueueUrls", [])}


def _ages(aws: Aws, names: list[str]) -> dict[str, int]:
    """Return the age of the oldest message by queue, in seconds, as far as SQS has published it."""
    if not names:
        return {}
    queries = [
        {"Id": f"q{i}", "MetricStat": {"Metric": _age_of(name), "Period": 60, "Stat": "Maximum"}}
        for i, name in enumerate(names)
    ]
    now = utc_now()
    answer = aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=now - _RECENT, EndTime=now + timedelta(minutes=1)
    )
    ages = {}
    for found in answer["MetricDataResults"]:
        points = sorted(zip(found["Timestamps"], found["Values"], strict=True))
        if points:
            ages[names[int(found["Id"][1:])]] = int(points[-1][1])
    return ages


def _age_of(name: str) -> dict[str, Any]:
    return {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": name}],
    }


def _state(aws: Aws, pair: QueuePair, present: set[str], ages: dict[str, int]) -> QueueStatus:
    depths = {name: Queue(aws.client("sqs"), name).depth() for name in _names(pair) if name in present}
    depth, letters = depths.get(pair.queue or ""), depths.get(pair.dlq)
    return QueueStatus(
        title=pair.title,
        queue=pair.queue,
        dlq=pair.dlq,
        waiting=depth.visible + depth.delayed if depth else None,
        in_flight=depth.in_flight if depth else None,
        oldest_seconds=ages.get(pair.queue or "") if depth and depth.total else None,
        letters=letters.total if letters else None,
        oldest_letter_seconds=ages.get(pair.dlq) if letters and letters.total else None,
        missing=tuple(name for name in _names(pair) if name not in present),
    )


def _services_table(services: Iterable[ServiceStatus]) -> Table:
    table = Table("service", "state", "address", "pid", "data folder", box=None, pad_edge=False)
    for one in services:
        colour = "green" if one.state == "running" else "red"
        table.add_row(one.service, f"[{colour}]{one.state}[/]", one.address, str(one.pid or ""), one.data)
    return table


def _queues_table(queues: Iterable[QueueStatus]) -> Table:
    table = Table("queue", box=None, pad_edge=False)
    for title in ("waiting", "in flight", "oldest", "dead letters", "oldest letter"):
        table.add_column(title, justify="right")
    for one in queues:
        table.add_row(
            one.title,
            *_cells(one, one.queue, one.waiting, one.in_flight, _age(one.oldest_seconds)),
            *_cells(one, one.dlq, _letters(one.letters), _age(one.oldest_letter_seconds)),
        )
    return table


def _cells(one: QueueStatus, name: str | None, *values: object) -> list[str]:
    """Return the cells of one queue of the pair; `missing` where it is not there."""
    if name in one.missing:
        return ["[red]missing[/]", *[""] * (len(values) - 1)]
    return ["" if value is None else str(value) for value in values]


def _letters(count: int | None) -> str | None:
    return f"[red]{count}[/]" if count else None if count is None else "0"


def _alarms_table(alarms: Iterable[AlarmStatus]) -> Table:
    table = Table("alarm", "since", "reason", box=None, pad_edge=False)
    for one in alarms:
        since = datetime.fromisoformat(one.since).strftime("%Y-%m-%d %H:%M:%SZ")
        table.add_row(Text(one.name, style="red"), since, Text(one.reason))
    return table


def _age(seconds: int | None) -> str | None:
    """Return a length of time for people: `41 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    if seconds is None or seconds < 60:
        return None if seconds is None else f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3_600, seconds // 86_400
    if days:
        return f"{days} d {hours % 24} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
