"""What all wire models share."""

from pydantic import BaseModel, ConfigDict


class WireModel(BaseModel):
    """A message between two parts: immutable, and an unknown field is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
