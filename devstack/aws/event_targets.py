"""Delivery streams as targets of EventBridge's rules, which MiniStack drops with a line in its log.

One function of MiniStack's is replaced: the one that sends an event to a target. So an event is in the spool
of its stream before PutEvents answers, and there is no time after a deployment in which it is not delivered.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from devstack.aws.firehose import store
from devstack.aws.firehose.delivery import Deliveries
from devstack.aws.firehose.store import StreamKey

log = logging.getLogger("events")
"""MiniStack's own: the metric FailedInvocations is read from it."""
Invoke = Callable[..., None]


def take_over(deliveries: Deliveries) -> None:
    """Send events to delivery streams by `deliveries`, and to all other targets as before."""
    from ministack.services import eventbridge

    others: Invoke = eventbridge._invoke_target

    def invoke(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        if not target.get("Arn", "").startswith("arn:aws:firehose:"):
            others(target, event, rule, view)
            return
        view = view or eventbridge._pattern_event_view(event)
        try:
            _send(deliveries, target["Arn"], record_of(target, rule, view))
        except Exception as error:
            log.warning("EventBridge: target %s not delivered: %s", target["Arn"], error)
            _write_letter(target, rule, view, error)

    eventbridge._invoke_target = invoke


def record_of(target: Mapping[str, Any], rule: Mapping[str, Any], view: Any) -> bytes:
    """Return what the target gets of an event, JSON in one line."""
    from ministack.services import eventbridge

    if transformer := target.get("InputTransformer"):
        return _one_line(eventbridge._apply_input_transformer(transformer, rule, view))
    if "Input" in target:
        return _one_line(target["Input"])
    return _compact(_at(view.event_with_detail(), target.get("InputPath") or "$"))


def _at(event: Any, path: str) -> Any:
    """Return the part of the event at a path of names; all of it where there is none, as MiniStack does."""
    found = event
    for name in path.removeprefix("$").split("."):
        if name and not (isinstance(found, dict) and name in found):
            return event
        found = found[name] if name else found
    return found


def _one_line(text: str) -> bytes:
    try:
        return _compact(json.loads(text))
    except ValueError:
        return text.encode()


def _compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _send(deliveries: Deliveries, arn: str, record: bytes) -> None:
    key = StreamKey.of_arn(arn)
    to = store.destination(key)
    if to is None:
        raise LookupError(
            "it is not a delivery stream to S3" if store.is_there(key) else "there is no such stream"
        )
    deliveries.put(key, to, [record])


def _write_letter(target: Mapping[str, Any], rule: Mapping[str, Any], view: Any, error: Exception) -> None:
    """Send the event to the target's dead-letter queue, with the attributes that EventBridge gives it."""
    from ministack.core.arn import parse_arn
    from ministack.services import eventbridge, sqs

    arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    queue = sqs._queue_by_arn(arn) if arn else None
    if not queue:
        return
    eventbridge._dispatch_to_sqs(parse_arn(arn), _compact(view.event_with_detail()).decode())
    said = {
        "RULE_ARN": rule.get("Arn", ""),
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": "NO_RESOURCE" if isinstance(error, LookupError) else "SDK_CLIENT_ERROR",
        "ERROR_MESSAGE": str(error),
    }
    queue["messages"][-1]["message_attributes"] = {
        name: {"DataType": "String", "StringValue": value} for name, value in said.items() if value
    }
