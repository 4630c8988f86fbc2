"""What a run may be asked: one model for the trigger form, the event payload and the schedule.

Names and defaults are seed 000's "기본 이벤트 예시"; `dry_run`, `force_symbols` and `override_config` are
what that seed left undone.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from include.core.contracts import CatalogUpdate
from include.core.keys import SYMBOL_PATTERN, FileFormat, RawTable

CALENDAR = "XNYS"
DEFAULT_SYMBOLS = ["AAPL"]
Interval = Literal["1d", "1h", "30m", "15m", "5m", "1m"]
Period = Literal["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"]
Compression = Literal["none", "gzip"]
TriggerType = Literal["schedule", "manual", "event"]


def _symbol(text: str) -> str:
    symbol = text.strip().upper()
    if not SYMBOL_PATTERN.match(symbol):
        raise ValueError(
            f"{text!r} is not a symbol: 1 to 20 of A-Z, 0-9, '.', '-', '=', '^', as Yahoo spells it (BRK-B)"
        )
    return symbol


def _unique(symbols: list[str]) -> list[str]:
    return list(dict.fromkeys(symbols))


Symbol = Annotated[str, AfterValidator(_symbol)]
Symbols = Annotated[list[Symbol], AfterValidator(_unique)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Overrides(BaseModel):
    """`override_config`: how a run works, as against what it fetches."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    chunk_size: Annotated[int, Field(ge=1, le=200)] = 5
    """Symbols a task; grows by itself for a universe of more than 500."""
    rate_limit_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Requests a minute to the source, over all tasks of all runs."""
    overwrite: bool = False
    """Write RAW objects that exist already again."""
    max_failed_ratio: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of symbols that may fail before the run is red."""
    max_invalid_ratio: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of rows that may fail data quality before a transform refuses to publish."""
    catalog_update: CatalogUpdate = "on_schema_change"
    """When the Glue table is updated."""


class PricesRequest(BaseModel):
    """One run's request, checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    symbols: Symbols = []
    """Symbols to fetch, for instance AAPL, MSFT. Used where neither the SSM parameter nor the S3 object names a universe."""
    period: Period = "1mo"
    """How far back from the session day. Ignored where `start` is given."""
    start: date | None = None
    """First day, YYYY-MM-DD."""
    end: date | None = None
    """Last day, included; default: the run's session day."""
    interval: Interval = "1d"
    """Length of a bar."""
    dry_run: bool = False
    """Plan only: show chunks, keys and requests, and write nothing."""
    file_format: FileFormat = "json"
    """Format of RAW objects."""
    compression: Compression = "none"
    """Compression of RAW objects."""
    force_symbols: Symbols = []
    """Fetch exactly these symbols, whatever the universe says."""
    override_config: Overrides = Overrides()
    """Settings of this run only: chunk_size, rate_limit_per_minute, overwrite, max_failed_ratio, max_invalid_ratio, catalog_update."""
    correlation_id: Annotated[str, StringConstraints(pattern=r"^[\w.:+\-]{1,200}$")] | None = None
    """Second run with the same id and session day does nothing; default: the run's own id."""
    domain: Name = "market"
    """First part of every key."""
    table_name: Name = "prices"
    """Second part of every key."""
    data_source: Literal["yahoo_finance"] = "yahoo_finance"
    """Where prices come from."""
    data_type: Literal["prices"] = "prices"
    """What is fetched."""
    trigger_type: TriggerType | None = None
    """Who started the run; default: as Airflow says."""

    @model_validator(mode="after")
    def _dates_in_order(self) -> PricesRequest:
        if self.start and self.end and self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self

    @property
    def raw_table(self) -> RawTable:
        """Where the run's RAW objects live."""
        return RawTable(self.domain, self.table_name, self.interval, self.data_source)
