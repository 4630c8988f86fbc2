"""What EventBridge tells `prices_on_event` (seed 000, "Trigger Pattern Matrix" and "Manifest Hand-off")."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from include.core.contracts.base import WireModel


class PriceEvent(WireModel):
    """A custom event that asks for prices, made by an EventBridge input transformer."""

    id: str
    """Of the event; the correlation id of the run unless the detail has its own."""
    time: datetime
    """UTC."""
    source: str
    detail_type: str
    """`PricesRequested` or `SymbolAdded`."""
    detail: dict[str, Any]
    """`PricesRequested`: fields of the trigger form. `SymbolAdded`: `symbol`, and any of these."""


class ManifestEvent(WireModel):
    """A manifest that landed in the RAW bucket, made by an EventBridge input transformer."""

    bucket: str
    key: str
    size: int
    """Bytes."""
    correlation_id: str
    """Id of the event."""
