"""Show the letters of a queue, and redrive those that are asked for."""

from __future__ import annotations

import logging
from datetime import datetime

from include.clients.aws import Aws
from include.clients.metrics import Metrics
from include.clients.queues import BATCH, Message, Queue
from include.clients.streams import Stream
from include.core.domains import domains
from include.core.queues import QueuePair, load_queues, queue_pairs
from include.redrive.choice import Choice, choose, table_of
from include.redrive.config import RedriveRequest
from include.redrive.holding import Holding, holding
from include.redrive.letters import Parcel, read_letter

log = logging.getLogger(__name__)
LOAD_METRICS = "Tapeline/Load"
VISIBILITY_SECONDS = 300
"""How long letters stay hidden where a run is killed."""


def redrive_letters(
    request: RedriveRequest,
    *,
    aws: Aws,
    environment: str,
    now: datetime,
    visibility_seconds: int = VISIBILITY_SECONDS,
) -> dict[str, int]:
    """Log a table of all letters and what becomes of each; do it, unless it is a dry run.

    Returns `{"found", "chosen", "redriven"}`. Sends first and deletes then: killed in between, a message is
    in its queue and its letter in the dead-letter queue, and a second redrive does no harm.
    """
    pair = {pair.title: pair for pair in queue_pairs(environment)}[request.queue]
    client = aws.client("sqs")
    redriven = 0
    with holding(Queue(client, pair.dlq), visibility_seconds=visibility_seconds) as held:
        choices = choose((read_letter(one, pair, environment) for one in held.letters), request, now)
        chosen = [choice for choice in choices if choice.chosen]
        log.info("%s", table_of(choices, _title(request, pair, len(chosen))))
        if request.dry_run:
            return {"found": len(choices), "chosen": len(chosen), "redriven": 0}
        held.give_back([choice.letter.received for choice in choices if not choice.chosen])
        targets: dict[str, Queue | Stream] = {}
        for first in range(0, len(chosen), BATCH):
            for message, parcel in _still_ours(held, chosen[first : first + BATCH]):
                if parcel.queue not in targets:
                    targets[parcel.queue] = _target(aws, parcel)
                targets[parcel.queue].send(parcel.body, parcel.attributes)
                held.delete(message)
                redriven += 1
    _publish_count(aws, pair, environment)
    log.info("%s of %s letters of %s were redriven", redriven, len(choices), pair.dlq)
    return {"found": len(choices), "chosen": len(chosen), "redriven": redriven}


def _target(aws: Aws, parcel: Parcel) -> Queue | Stream:
    if parcel.is_record:
        return Stream(aws.client("firehose"), parcel.queue)
    return Queue(aws.client("sqs"), parcel.queue)


def _title(request: RedriveRequest, pair: QueuePair, chosen: int) -> str:
    doing = f"{chosen} would be redriven (dry run)" if request.dry_run else f"{chosen} are redriven"
    return f"letters of {pair.dlq}: {doing}"


def _still_ours(held: Holding, choices: list[Choice]) -> list[tuple[Message, Parcel]]:
    """Return what to send; a letter that somebody else received meanwhile is theirs."""
    parcels = {choice.letter.received.id: choice.letter.parcel for choice in choices}
    ours = held.renew([choice.letter.received for choice in choices])
    return [(message, parcel) for message in ours if (parcel := parcels[message.id])]


def _publish_count(aws: Aws, pair: QueuePair, environment: str) -> None:
    """Send `DLQCount` of seed 002 where the queue is a domain's."""
    for name in domains():
        if pair == load_queues(environment, name):
            metrics = Metrics(aws.client("cloudwatch"), LOAD_METRICS)
            waiting = Queue(aws.client("sqs"), pair.dlq).depth().total
            metrics.add("DLQCount", waiting, Environment=environment, Domain=name)
            metrics.flush()
