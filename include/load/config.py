"""What a run of `load_<domain>` may be asked; the defaults are what the watcher's runs do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from include.core.errors import InvalidRequest
from include.core.faults import fault_text


class LoadRequest(BaseModel):
    """One run's request, checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    batch_size: Annotated[int, Field(ge=1, le=10)] | None = None
    """Files of one table that are loaded together, 1 to 10; default: the domain's."""
    max_messages: Annotated[int, Field(ge=1)] | None = None
    """Messages to handle at most; default: until the queue is empty."""
    max_minutes: Annotated[int, Field(ge=1, le=110)] = 45
    """No new message is received after so long; what is left wakes the next run."""
    visibility_seconds: Annotated[int, Field(ge=2, le=43_200)] = 120
    """How long a message stays hidden after its loader died; a loader that lives extends it."""
    linger_seconds: Annotated[int, Field(ge=0, le=20)] = 2
    """How long the last look into the queue waits for stragglers."""
    outage_seconds: Annotated[int, Field(ge=0, le=3600)] = 300
    """How long messages are held while the warehouse does not answer; then they are given back."""


def parse_request(conf: Mapping[str, object]) -> LoadRequest:
    """Return the checked request; raise `InvalidRequest` with every fault. None stands for the default."""
    given = {name: value for name, value in conf.items() if value is not None}
    try:
        return LoadRequest.model_validate(given)
    except ValidationError as error:
        raise InvalidRequest([fault_text(e, LoadRequest) for e in error.errors()]) from error
