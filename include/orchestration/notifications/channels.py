"""Slack and mail by Airflow's own notifiers; a channel whose connection is not filled in is off."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from include.orchestration.notifications.failures import one_line
from include.orchestration.notifications.messages import Message

log = logging.getLogger(__name__)

SLACK = "slack_default"
SMTP = "smtp_default"
SLACK_SECONDS = 10
"""The DAG processor, which sends, has 50 seconds for a file with all its messages."""


def open_channels() -> dict[str, Callable[[Message], None]]:
    """Return a function that sends, by the name of each channel that is on."""
    found: dict[str, Callable[[Message], None]] = {}
    slack, smtp = _connection(SLACK), _connection(SMTP)
    if slack and slack.password:
        found["Slack"] = _send_slack
    if smtp and smtp.host and (recipients := _recipients(smtp)):
        found["mail"] = lambda message: _send_mail(message, recipients)
    return found


def send(message: Message, channels: dict[str, Callable[[Message], None]]) -> bool:
    """Send by every channel, whatever becomes of the others; return whether one took the message."""
    taken = [_taken(message, name, send_by) for name, send_by in channels.items()]
    return any(taken)


def _taken(message: Message, name: str, send_by: Callable[[Message], None]) -> bool:
    try:
        send_by(message)
    except Exception as error:
        log.warning("%r could not be sent by %s: %s", message.subject, name, one_line(error))
        return False
    return True


def _send_slack(message: Message) -> None:
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

    # not called but told to notify: calling it would render an error's own braces as a template
    SlackWebhookNotifier(slack_webhook_conn_id=SLACK, text=message.slack(), timeout=SLACK_SECONDS).notify({})


def _send_mail(message: Message, recipients: list[str]) -> None:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    SmtpNotifier(
        smtp_conn_id=SMTP, to=recipients, subject=message.subject, html_content=message.page()
    ).notify({})  # type: ignore[arg-type]


def _recipients(connection: Any) -> list[str]:
    """Return the extra's `to`: a list, or one text with commas."""
    to = connection.extra_dejson.get("to") or []
    return [each.strip() for each in to.split(",") if each.strip()] if isinstance(to, str) else list(to)


def _connection(conn_id: str) -> Any:
    from airflow.sdk import BaseHook

    try:
        return BaseHook.get_connection(conn_id)
    except Exception:  # not there, as where nobody wants messages
        log.debug("No connection %s", conn_id)
        return None
