"""Seed 000 §8 "Event Validation": what becomes of a request with faults.

| check | examples | outcome | level |
| --- | --- | --- | --- |
| structure | not an object, unknown key, list expected, no symbol, no date, start after end | the run fails at once, every fault listed | ERROR |
| value | number out of range, unknown choice, text for a number | the default, and a warning | WARN |
| business | end in the future or after the last closed session, start and period both given | the nearest sensible value | INFO |
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from include.core.errors import InvalidRequest
from include.core.faults import fault_text
from include.prices.config import PricesRequest

log = logging.getLogger(__name__)

# pydantic's error types that mean "right shape, wrong value"; all others are faults of structure
_VALUE_FAULTS = {
    "bool_parsing", "bool_type", "float_parsing", "float_type", "greater_than_equal", "int_from_float",
    "int_parsing", "int_type", "less_than_equal", "literal_error", "finite_number",
}  # fmt: skip


def validate_request(conf: object, *, session: date) -> tuple[PricesRequest, list[str]]:
    """Return the checked request and the notices given on the way (also logged).

    `session` is the run's session day; nothing later is asked for. Raises `InvalidRequest` with every
    fault of structure.
    """
    if not isinstance(conf, Mapping):
        raise InvalidRequest([f"the configuration is a {type(conf).__name__}, not a JSON object"])
    given = {key: value for key, value in conf.items() if value is not None}
    notices: list[str] = []
    try:
        request = PricesRequest.model_validate(given)
    except ValidationError as error:
        request = _repair(given, error, notices)
    for notice in notices:
        log.warning(notice)
    return _settle(request, session, notices), notices


def _repair(given: dict[str, Any], error: ValidationError, notices: list[str]) -> PricesRequest:
    """Put defaults where only values are wrong; raise where the structure is."""
    faults = [_fault(e) for e in error.errors() if e["type"] not in _VALUE_FAULTS]
    if faults:
        faults += [_fault(e) for e in error.errors() if e["type"] in _VALUE_FAULTS]
        raise InvalidRequest(faults)
    cleaned = {**given}
    if isinstance(given.get("override_config"), Mapping):
        cleaned["override_config"] = dict(given["override_config"])
    for e in error.errors():
        holder, name = cleaned, str(e["loc"][0])
        if name == "override_config" and len(e["loc"]) > 1:
            holder, name = cleaned["override_config"], str(e["loc"][1])
        holder.pop(name, None)
        notices.append(f"{_fault(e)}; the default is used instead")
    try:
        return PricesRequest.model_validate(cleaned)
    except ValidationError as second:  # start after end shows only once the rest is right
        raise InvalidRequest([_fault(e) for e in second.errors()]) from second


def _settle(request: PricesRequest, session: date, notices: list[str]) -> PricesRequest:
    def inform(text: str) -> None:
        log.info(text)
        notices.append(text)

    if request.start and request.period != PricesRequest.model_fields["period"].default:
        inform(f"start {request.start} and period {request.period} are both given; start is used")
    if request.start and request.start > session:
        raise InvalidRequest(
            [f"start {request.start} is after {session}, the last session that this run may ask for"]
        )
    if request.end and request.end > session:
        inform(f"end {request.end} is after {session}, the run's session day; {session} is used")
        return request.model_copy(update={"end": session})
    return request


def _fault(error: Mapping[str, Any]) -> str:
    return fault_text(error, PricesRequest)
