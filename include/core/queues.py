"""Names of the queues; the templates in infrastructure/cloudformation give them the same."""

from __future__ import annotations

from dataclasses import dataclass

from include.core.domains import domains


@dataclass(frozen=True)
class QueuePair:
    """A queue and where its messages go that cannot be handled."""

    title: str
    """What people call it: `load_market`, `price_requests` …"""
    queue: str | None
    """None: nothing is received, there are letters only (`extract`, `events`)."""
    dlq: str
    stream: str | None = None
    """Firehose's delivery stream that the letters were on their way to, where it is no queue (`events`)."""


def load_queues(environment: str, domain: str) -> QueuePair:
    """Return the queues of `load_<domain>` (seed 002: `<env>-<domain>-load-queue`)."""
    return QueuePair(
        title=f"load_{domain}",
        queue=f"tapeline-{environment}-{domain}-load-queue",
        dlq=f"tapeline-{environment}-{domain}-load-dlq",
    )


def price_requests(environment: str) -> QueuePair:
    """Return the queues of custom events that ask for prices."""
    return _pair(environment, "price_requests")


def price_manifests(environment: str) -> QueuePair:
    """Return the queues of manifests that landed in the RAW bucket."""
    return _pair(environment, "price_manifests")


def participation_queues(environment: str) -> QueuePair:
    """Return the queues between ingest and worker of the participation service (seed 003)."""
    return _pair(environment, "participation")


def extract_letters(environment: str) -> QueuePair:
    """Return where chunks go whose symbols failed for good."""
    return QueuePair(title="extract", queue=None, dlq=f"tapeline-{environment}-extract-dlq")


def event_letters(environment: str) -> QueuePair:
    """Return where events of the participation service wait that their rule could not put into Firehose."""
    stream = f"tapeline-{environment}-events"
    return QueuePair(title="events", queue=None, dlq=f"{stream}-dlq", stream=stream)


def queue_pairs(environment: str) -> list[QueuePair]:
    """Return every queue of a deployment."""
    loads = [load_queues(environment, name) for name in domains()]
    prices = [price_requests(environment), price_manifests(environment), extract_letters(environment)]
    return [*loads, *prices, participation_queues(environment), event_letters(environment)]


def _pair(environment: str, title: str) -> QueuePair:
    name = f"tapeline-{environment}-{title.replace('_', '-')}"
    return QueuePair(title=title, queue=name, dlq=f"{name}-dlq")
