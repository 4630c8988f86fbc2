"""`FailedInvocations` of EventBridge's rules, which MiniStack only logs.

`MatchedRules` and `Invocations` are not there: MiniStack leaves no trace of what went well.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

_FAILURES = ("not found", "not delivered", "unsupported target", "dispatch error", "refused")


class FailedInvocations(logging.Handler):
    """Publishes one `AWS/Events` point a rule for each warning about a target that got no event."""

    def attach(self) -> None:
        """Listen to MiniStack's EventBridge until the process ends."""
        logging.getLogger("events").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Publish what the warning means; called in the scope of the event's account and region."""
        from ministack.services import cloudwatch, eventbridge

        text = record.getMessage()
        if not text.startswith("EventBridge") or not any(words in text for words in _FAILURES):
            return
        named = {str(argument).rsplit(":", 1)[-1] for argument in _arguments(record)}
        for key, targets in eventbridge._targets.items():
            if any(target["Arn"].rsplit(":", 1)[-1] in named for target in targets):
                rule = {"RuleName": key.split("|", 1)[1]}
                cloudwatch.record_metric("AWS/Events", "FailedInvocations", 1, "Count", rule)


def _arguments(record: logging.LogRecord) -> Iterable[object]:
    return record.args if isinstance(record.args, tuple) else ()
