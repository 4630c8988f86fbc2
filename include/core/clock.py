"""Instants are UTC everywhere; the one place that asks the operating system for the time."""

from __future__ import annotations

from datetime import datetime, timezone


def utc_now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(timezone.utc)


def iso_utc(instant: datetime) -> str:
    """Return an aware instant as ISO 8601 with a trailing Z, to the second."""
    return instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
