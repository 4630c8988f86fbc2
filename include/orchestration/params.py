"""A request model as Airflow's trigger form: descriptions, defaults and choices come from the model's fields."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from airflow.sdk import Param
from pydantic import BaseModel

_SHOWN_AS: dict[str, dict[str, Any]] = {
    "date": {"type": ["string", "null"], "format": "date"},
    "array": {"type": ["array", "null"], "items": {"type": "string"}},
    "object": {"type": ["object", "null"]},
    "boolean": {"type": "boolean"},
    "integer": {"type": ["integer", "null"]},
}
_JUDGED_LATER: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "$ref": "#/definitions/anything",
    "definitions": {"anything": {}},
}
"""Up to draft 07 a validator ignores what stands beside `$ref`, while the form shows it.

So the form has its lists and switches, and every value, typed, sent or triggered by an event, is judged by
one rule: that of the pipeline's first task (include/prices/validate.py), which gives a wrong value its
default where Airflow would refuse the run.
"""


def params_from(
    model: type[BaseModel], *, hidden: Collection[str] = (), main: Collection[str] = ()
) -> dict[str, Param]:
    """Return Params for every field of `model` but `hidden`; fields not in `main` go to a section "Advanced"."""
    properties: dict[str, Any] = model.model_json_schema()["properties"]
    order = [*main, *(name for name in properties if name not in main)]
    return {name: _param(properties[name], advanced=name not in main) for name in order if name not in hidden}


def _param(field: dict[str, Any], *, advanced: bool) -> Param:
    shown = dict(_SHOWN_AS.get(_shape(field), {"type": ["string", "null"]}))
    if choices := _choices(field):
        shown |= {"type": "string", "enum": choices}
    if advanced:
        shown["section"] = "Advanced"
    default = field.get("default")
    return Param(
        None if default == [] else default, description=field.get("description"), **_JUDGED_LATER, **shown
    )


def _choices(field: dict[str, Any]) -> list[Any] | None:
    """Return the values of a choice; a choice of one is a constant in JSON Schema."""
    if "const" in field:
        return [field["const"]]
    return field.get("enum")


def _shape(field: dict[str, Any]) -> str:
    """Return the JSON type of a field, looking through "or null"."""
    first = next(s for s in field.get("anyOf", [field]) if s.get("type") != "null")
    if first.get("format") == "date":
        return "date"
    return "object" if "$ref" in first else str(first.get("type", "string"))
