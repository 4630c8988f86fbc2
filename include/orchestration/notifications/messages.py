"""The words of a message, the same for every channel."""

from __future__ import annotations

import html
from dataclasses import dataclass, field

from include.orchestration.notifications.failures import Failure
from include.orchestration.notifications.problems import Trouble

TOO_LONG = "the run took longer than its dagrun_timeout and was stopped"
NO_WORD = "none was kept: its process was killed, or could not be asked; see its log"
ONCE = "This problem is told of once; the next message says that the DAG works again, or has another problem."


@dataclass(frozen=True)
class Message:
    """A subject and lines of names and values; a value that is a link may have a name to show."""

    subject: str
    lines: list[tuple[str, str]] = field(default_factory=list)

    def text(self) -> str:
        """Return the message as plain text."""
        return "\n".join(
            [self.subject, *(f"{name}: {value}" if name else value for name, value in self.lines)]
        )

    def slack(self) -> str:
        """Return the message in Slack's markup, in which an error's own signs mean nothing."""
        lines = [
            f"*{_slack(name)}:* {_slack(value)}" if name else _slack(value) for name, value in self.lines
        ]
        return "\n".join([f"*{_slack(self.subject)}*", *lines])

    def page(self) -> str:
        """Return the message as HTML."""
        rows = [
            f"<tr><th align='left'>{html.escape(name)}</th><td>{_html(value)}</td></tr>"
            for name, value in self.lines
        ]
        return f"<h3>{html.escape(self.subject)}</h3><table>{''.join(rows)}</table>"


def failure_message(
    dag_id: str, run_id: str, failure: Failure, failed_tasks: int, *, too_long: bool, place: str, runbook: str
) -> Message:
    """Return what is said of a failed run."""
    what = "took too long" if too_long else f"failed: {failure.task_id or 'no task could run'}"
    task = f"{failure.task_id} [{failure.label}]" if failure.label else failure.task_id
    error = TOO_LONG if too_long else failure.error or NO_WORD
    lines = [
        ("DAG", dag_id), ("Run", run_id), ("Task", task), ("Failed tasks", str(failed_tasks)), ("Error", error),
        ("Log", failure.log_url), ("Runbook", runbook), ("", ONCE),
    ]  # fmt: skip
    return Message(f"{place} {dag_id} {what}", [(name, value) for name, value in lines if value])


def recovery_message(dag_id: str, run_id: str, trouble: Trouble, *, place: str, runbook: str) -> Message:
    """Return what is said of the first run that succeeded again."""
    runs = f"{trouble.failed_runs} failed run{'' if trouble.failed_runs == 1 else 's'} since {trouble.since}"
    lines = [("DAG", dag_id), ("Run", run_id), ("Before", runs), ("Runbook", runbook)]
    return Message(f"{place} {dag_id} works again", lines)


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _html(value: str) -> str:
    shown = html.escape(value)
    is_link = value.startswith(("http://", "https://")) and " " not in value
    return f'<a href="{shown}">{shown}</a>' if is_link else shown
