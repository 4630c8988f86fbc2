"""From a queue's message to what it announces, or every fault it has (`E001`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from pydantic import ValidationError

from include.clients.queues import Message
from include.core.contracts import LoadMessage
from include.core.errors import InvalidMessage
from include.core.faults import fault_text
from include.core.keys import parse_curated_key


@dataclass(frozen=True)
class Announced:
    """A valid message."""

    message: Message
    asked: LoadMessage
    spellings: tuple[str, ...]
    """Keys under which the file may be, the likelier first."""


def read_message(message: Message, *, domain: str, bucket: str) -> Announced:
    """Return what the message announces; raise `InvalidMessage` with every fault."""
    try:
        data = json.loads(message.body)
    except ValueError as error:
        raise InvalidMessage([f"the body is not JSON ({error})"]) from error
    if not isinstance(data, dict):
        raise InvalidMessage([f"the body is a JSON {type(data).__name__}, not an object"])
    literal = data.get("key")
    spellings = _spellings(literal) if isinstance(literal, str) else ()
    if spellings:
        data = {**data, "key": spellings[0]}
    faults = _contract_faults(data) + _place_faults(data, domain, bucket)
    if faults:
        raise InvalidMessage(faults)
    return Announced(message, LoadMessage.model_validate(data), spellings)


def said_of(body: str) -> tuple[str | None, str | None]:
    """Return correlation id and key of any body, each None where it has none that can be read."""
    try:
        data = json.loads(body)
    except ValueError:
        return None, None
    if not isinstance(data, dict):
        return None, None
    found = [data.get(name) for name in ("correlation_id", "key")]
    correlation_id, key = (text if isinstance(text, str) else None for text in found)
    return correlation_id, key


def _spellings(key: str) -> tuple[str, ...]:
    """Return the key, and the key decoded, as far as they are keys of curated files.

    EventBridge sends keys as they are, S3's own notifications URL-encode them.
    """
    return tuple(spelt for spelt in dict.fromkeys((key, unquote_plus(key))) if _key_fault(spelt) is None)


def _key_fault(key: str) -> str | None:
    try:
        parse_curated_key(key)
    except ValueError as error:
        return str(error)
    if key.rpartition("/")[2] in {".", ".."}:
        return f"{key!r} names no file"
    return None


def _contract_faults(data: dict[str, Any]) -> list[str]:
    key = data.get("key")
    fault = _key_fault(key) if isinstance(key, str) else None
    if fault:
        # the model looks at the key first and stops there; the other fields have their faults too
        others = {name: value for name, value in data.items() if name not in ("table_name", "partition")}
        return [f"key: {fault}", *_contract_faults({**others, "key": "x/y/z=0/f", "domain": "x"})]
    try:
        LoadMessage.model_validate(data)
    except ValidationError as error:
        return [fault_text(e, LoadMessage) for e in error.errors()]
    return []


def _place_faults(data: dict[str, Any], domain: str, bucket: str) -> list[str]:
    """Return where the message leaves the bucket or the domain of its queue."""
    faults = []
    if isinstance(data.get("bucket"), str) and data["bucket"] != bucket:
        faults.append(f"bucket: {data['bucket']!r} is not the curated bucket {bucket!r}")
    key = data.get("key")
    if isinstance(key, str) and not key.startswith(f"{domain}/"):
        faults.append(f"key: {key!r} is outside the domain {domain!r} of this queue")
    return faults
