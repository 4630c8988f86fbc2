"""What a redrive may be asked: one model for the trigger form and the check of a run's configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from include.core.errors import InvalidRequest
from include.core.faults import fault_text
from include.core.queues import queue_pairs

TITLES = [pair.title for pair in queue_pairs("any")]
"""What `queue` may be: the titles are the same in every environment."""


def _title(text: str) -> str:
    if text not in TITLES:
        raise ValueError(f"{text!r} is none of the queues {', '.join(TITLES)}")
    return text


Title = Annotated[str, AfterValidator(_title), Field(json_schema_extra={"enum": TITLES})]
Minutes = Annotated[int, Field(ge=0, le=60 * 24 * 14)]


class RedriveRequest(BaseModel):
    """One run's request, checked. A filter that is left out lets every letter through."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    queue: Title
    """Whose dead letters: load_<domain>, price_requests, price_manifests, extract (chunks of prices), participation, or events (of it, on their way to S3)."""
    dry_run: bool = True
    """Only show what would be done. Switch it off to redrive."""
    code: Annotated[str, Field(min_length=1)] | None = None
    """Only letters of this code, for instance E005; UNKNOWN: without a reason, moved by SQS itself. Letters of `extract` have the names of errors, for instance RateLimited."""
    key: Annotated[str, Field(min_length=1)] | None = None
    """Only letters whose key has this text in it, or matches it as a whole where it has * or ?. Letters of `extract` have symbols instead, those of `events` ids of requests."""
    min_age_minutes: Minutes | None = None
    """Only letters that are at least so old."""
    max_age_minutes: Minutes | None = None
    """Only letters that are at most so old."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Redrive at most so many, oldest first."""

    @model_validator(mode="after")
    def _ages_in_order(self) -> RedriveRequest:
        if self.min_age is not None and self.max_age is not None and self.min_age > self.max_age:
            raise ValueError("min_age_minutes is above max_age_minutes, so no letter could be meant")
        return self

    @property
    def min_age(self) -> timedelta | None:
        """The least age of a letter."""
        return None if self.min_age_minutes is None else timedelta(minutes=self.min_age_minutes)

    @property
    def max_age(self) -> timedelta | None:
        """The greatest age of a letter."""
        return None if self.max_age_minutes is None else timedelta(minutes=self.max_age_minutes)

    def wants_key(self, key: str) -> bool:
        """Return whether the key is meant."""
        if self.key is None:
            return True
        if not {"*", "?"} & set(self.key):
            return self.key in key
        # not fnmatch: a bracket in a key is a bracket
        pattern = re.escape(self.key).replace(r"\*", ".*").replace(r"\?", ".")
        return re.fullmatch(pattern, key, re.DOTALL) is not None


def validate_redrive(conf: object) -> RedriveRequest:
    """Return the checked request; raise `InvalidRequest` with every fault.

    Other than of prices, no wrong value becomes the default: a mistyped filter would redrive everything.
    """
    if not isinstance(conf, Mapping):
        raise InvalidRequest([f"the configuration is a {type(conf).__name__}, not a JSON object"])
    try:
        return RedriveRequest.model_validate({key: value for key, value in conf.items() if value is not None})
    except ValidationError as error:
        raise InvalidRequest([fault_text(fault, RedriveRequest) for fault in error.errors()]) from error
