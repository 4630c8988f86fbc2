"""One message a problem, by Slack and mail: when a run failed, took too long, or works again.

A task that failed for good keeps its error (`keep_failure`, in every task's defaults). The end of the run tells of it
once (`NOTIFIED`, in every DAG): a run that was stopped by `dagrun_timeout` is a failed one, too. All of this happens
after the work; whatever goes wrong here is one warning in the log.
"""

from __future__ import annotations

from typing import Any

from include.orchestration.notifications.callbacks import notify_failure, notify_success
from include.orchestration.notifications.failures import keep_failure

NOTIFIED: dict[str, Any] = {"on_failure_callback": notify_failure, "on_success_callback": notify_success}
"""Arguments of every DAG."""

__all__ = ["NOTIFIED", "keep_failure", "notify_failure", "notify_success"]
