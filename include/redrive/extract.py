"""The letter of a chunk of prices, and the event that asks for its symbols again.

The extract has no queue to send a letter back to: its work is asked for anew, as anybody may by an event.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from include.clients.queues import Message
from include.core.contracts import PriceEvent

SOURCE = "tapeline"


class FailedSymbol(BaseModel):
    """A symbol of the chunk, and why it failed."""

    model_config = ConfigDict(frozen=True)

    symbol: str
    error: str | None = None
    message: str | None = None


class ExtractLetter(BaseModel):
    """What is read of a chunk's letter; it has more."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    batch_id: str = Field(pattern=r"^[^:]+:[^:]+:[^:]+:.")
    """`domain:table_name:ds:correlation_id` of the run."""
    start: date
    end: date
    interval: str
    data_source: str
    symbols: list[FailedSymbol] = Field(min_length=1)
    attempts: int | None = None
    failed_at: datetime

    @property
    def errors(self) -> tuple[str, ...]:
        """The names of the errors, each once."""
        return tuple(sorted({symbol.error or "unknown" for symbol in self.symbols}))

    @property
    def reason(self) -> str:
        """What happened to each symbol."""
        return "; ".join(f"{one.symbol}: {one.message or one.error}" for one in self.symbols)


def price_event(letter: ExtractLetter, message: Message) -> PriceEvent:
    """Return the event that asks for the letter's symbols and days; the same for every delivery of the message.

    Its id becomes the run's correlation id, so an event that is sent twice is one run's work.
    """
    domain, table_name, *_ = letter.batch_id.split(":", 2)
    detail: dict[str, Any] = {
        "force_symbols": [one.symbol for one in letter.symbols],
        "start": letter.start.isoformat(),
        "end": letter.end.isoformat(),
        "interval": letter.interval,
        "data_source": letter.data_source,
        "domain": domain,
        "table_name": table_name,
    }
    return PriceEvent(
        id=f"redrive-{message.id}",
        time=letter.failed_at,
        source=SOURCE,
        detail_type="PricesRequested",
        detail=detail,
    )
