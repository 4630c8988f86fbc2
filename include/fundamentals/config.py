"""What a run of jobs may be asked: one model for the trigger form and the check of a run's configuration."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timezone
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from include.core import sessions
from include.core.errors import InvalidRequest
from include.core.faults import fault_text
from include.core.keys import SYMBOL_PATTERN

CALENDAR = "XNYS"
"""NASDAQ and AMEX trade on the days of the NYSE."""


def _symbol(text: str) -> str:
    symbol = text.strip().upper()
    if not SYMBOL_PATTERN.match(symbol):
        raise ValueError(f"{text!r} is not a symbol: 1 to 20 of A-Z, 0-9, '.', '-', '=', '^'")
    return symbol


def _unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


Symbols = Annotated[list[Annotated[str, AfterValidator(_symbol)]], AfterValidator(_unique)]


class FundamentalsRequest(BaseModel):
    """One run's request, checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    jobs: Annotated[list[str], AfterValidator(_unique), Field(max_length=100)] = []
    """Jobs to run: load_symbols, load_daily_prices, build_daily_ma, load_ratios. Left out: all of this DAG. Order follows from what depends on what."""
    symbols: Symbols = []
    """Only these symbols, for instance AAPL, MSFT; they must be in the table symbols. Left out: all that are active. The list of symbols itself is always loaded whole."""
    start: date | None = None
    """First session of prices that must be there, YYYY-MM-DD. Left out: what is missing since each symbol's last day."""
    end: date | None = None
    """Last session of prices, included. Left out: the run's own."""
    force: bool = False
    """Ask again for what is there already, and compute all averages anew."""
    dry_run: bool = False
    """Only show in the logs what would be done."""

    @model_validator(mode="after")
    def _dates_in_order(self) -> FundamentalsRequest:
        if self.start and self.end and self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self


def validate_fundamentals(conf: object, *, jobs: Iterable[str], day: date) -> FundamentalsRequest:
    """Return the checked request; raise `InvalidRequest` with every fault.

    `jobs` are those of the DAG; nothing after `day`, the run's session, may be asked. No wrong value becomes the
    default: a mistyped symbol or job would load everything.
    """
    if not isinstance(conf, Mapping):
        raise InvalidRequest([f"the configuration is a {type(conf).__name__}, not a JSON object"])
    try:
        request = FundamentalsRequest.model_validate({k: v for k, v in conf.items() if v is not None})
    except ValidationError as error:
        raise InvalidRequest([fault_text(fault, FundamentalsRequest) for fault in error.errors()]) from error
    faults = [_unknown_job(name, list(jobs)) for name in request.jobs if name not in jobs]
    for field in ("start", "end"):
        asked: date | None = getattr(request, field)
        if asked and asked > day:
            faults.append(f"{field}: {asked} is after {day}, the last session that this run may ask for")
    if faults:
        raise InvalidRequest(faults)
    return request


def run_day(moment: datetime, now: datetime) -> date:
    """Return the session a run is for: a moment at midnight UTC names its day, any other the last one closed by it.

    A session that has not closed by `now` is none yet: the source would give a price of its middle.
    """
    moment = moment.astimezone(timezone.utc)
    closed = sessions.last_closed_session(CALENDAR, now)
    if moment.time() == time(0):
        return min(sessions.session_on_or_before(CALENDAR, moment.date()), closed)
    return min(sessions.last_closed_session(CALENDAR, moment), closed)


def _unknown_job(name: str, valid: list[str]) -> str:
    near = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"jobs: unknown job {name!r}: " + (
        f"did you mean {near[0]!r}?" if near else f"valid: {', '.join(valid)}"
    )
