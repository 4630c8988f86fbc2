"""What is wrong with a request, in words for the person who made it."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel


def fault_text(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    """Return one of pydantic's errors as text: where, what is wrong, and the nearest name for an unknown key."""
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        *path, name = error["loc"]
        valid = list(_model_at(model, path).model_fields)
        near = difflib.get_close_matches(str(name), valid, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"valid: {', '.join(valid)}"
        return f"unknown key {where!r}: {hint}"
    message = str(error["msg"]).removeprefix("Value error, ")
    if not where:
        return message
    shown = "" if error["type"] in {"value_error", "missing"} else f" (given: {error['input']!r})"
    return f"{where}: {message}{shown}"


def _model_at(model: type[BaseModel], path: list[Any]) -> type[BaseModel]:
    for name in path:
        annotation = model.model_fields[str(name)].annotation
        if get_origin(annotation) in (Union, types.UnionType):
            annotation = next(a for a in get_args(annotation) if a is not type(None))
        model = annotation  # type: ignore[assignment]
    return model
