"""Events that EventBridge could not deliver to their queue, and that it put among the queue's letters itself.

Such a letter is the event as EventBridge has it, before the rule's input transformer, with the reason in its
message attributes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from include.core.contracts import LoadMessage, ManifestEvent, PriceEvent
from include.core.contracts.base import WireModel

ERROR_CODE, ERROR_MESSAGE = "ERROR_CODE", "ERROR_MESSAGE"
OF_EVENTBRIDGE = {
    "RULE_ARN", "TARGET_ARN", ERROR_CODE, ERROR_MESSAGE, "EXHAUSTED_RETRY_CONDITION", "RETRY_ATTEMPTS",
}  # fmt: skip
"""Names of the attributes that it gives."""


def reason_of(attributes: Mapping[str, str]) -> str | None:
    """Return why EventBridge did not deliver the message; None where it is none of EventBridge's letters."""
    if not {"RULE_ARN", ERROR_CODE} & set(attributes):
        return None
    said = " ".join(attributes[name] for name in (ERROR_CODE, ERROR_MESSAGE) if name in attributes)
    return f"EventBridge could not deliver it: {said}"


def is_event(said: Mapping[str, Any]) -> bool:
    """Return whether a body is an event that no input transformer has seen."""
    return {"detail-type", "detail", "id"} <= set(said)


def streamed(event: Mapping[str, Any]) -> str | None:
    """Return the record that the rule would have put into the delivery stream (its `InputPath` is `$.detail`).

    None for what is no event of a request: Athena would read a line without one as malformed.
    """
    detail = event.get("detail")
    if not (is_event(event) and isinstance(detail, dict) and isinstance(detail.get("requestId"), str)):
        return None
    return json.dumps(detail, ensure_ascii=False, separators=(",", ":"))


def transformed(event: Mapping[str, Any], title: str) -> WireModel | None:
    """Return what the rule's input transformer would have sent to the queue; None for any other event."""
    try:
        if title == "price_requests":
            fields = {name: event[name] for name in ("id", "time", "source", "detail")}
            return PriceEvent(**fields, detail_type=event["detail-type"])
        detail = event["detail"]
        place = {"bucket": detail["bucket"]["name"], "key": detail["object"]["key"]}
        size, event_id = detail["object"]["size"], event["id"]
        if title == "price_manifests":
            return ManifestEvent(**place, size=size, correlation_id=event_id)
        domain = title.removeprefix("load_")
        return LoadMessage.model_validate(
            {**place, "domain": domain, "file_size": size, "correlation_id": event_id}
        )
    except (KeyError, TypeError, ValidationError):
        return None
