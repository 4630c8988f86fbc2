"""Manifests that other systems put into the RAW bucket: which of them to transform, and in what groups."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import get_args
from urllib.parse import unquote_plus

from pydantic import TypeAdapter, ValidationError

from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from include.clients.queues import Message, Queue
from include.core.contracts import Manifest, ManifestEvent, ManifestRef, TransformInput
from include.core.errors import (
    InvalidMessage,
    ManifestMissing,
    ManifestOutdated,
    ObjectCorrupt,
    QualityBelowThreshold,
)
from include.core.faults import fault_text
from include.core.keys import BatchFiles, FileFormat, RawTable, key_of, parse_manifest_key
from include.core.settings import Settings
from include.prices import raw_files, raw_reader
from include.prices.config import Interval, PricesRequest
from include.prices.finalize import group_days
from include.prices.letters import CORRUPT, INVALID, MISSING, Letterbox, Reason
from include.prices.manifest import DayManifest
from include.prices.price_events import VISIBILITY_SECONDS, WAIT_SECONDS
from include.prices.tracker import BatchTracker

log = logging.getLogger(__name__)
LIMIT = 300
"""Messages a run takes at most."""
ALONE_FROM = 3
"""From so many deliveries on a manifest is transformed alone: one that always fails holds up no other then."""
TRANSFORMED_DOMAIN = PricesRequest.model_fields["domain"].default
INTERVALS = get_args(Interval)
DATA_FAULTS = (QualityBelowThreshold, ManifestMissing, ManifestOutdated, ObjectCorrupt)
"""What a transform raises for its manifests' sake; only RAW can mend it."""
_MESSAGES = TypeAdapter(list[Message])


@dataclass
class Landed:
    """A manifest to transform, and the messages that told of it."""

    table: RawTable
    ds: date
    key: str
    manifest: Manifest
    messages: list[Message] = field(default_factory=list)

    @property
    def file_type(self) -> FileFormat:
        """The format of its objects."""
        objects = self.manifest.objects
        return raw_files.format_of(objects[0].key) if objects else "json"

    @property
    def group(self) -> tuple[object, ...]:
        """What manifests of one transform have in common."""
        alone = any(message.received >= ALONE_FROM for message in self.messages)
        return self.table, self.file_type, self.key if alone else None


def receive_manifests(queue: Queue, raw: ObjectStore, files: BatchFiles) -> str | None:
    """Take messages, keep them as a paper of the batch and return its URI; None where nothing waits."""
    messages: list[Message] = []
    while len(messages) < LIMIT:
        found = queue.receive(10, visibility_seconds=VISIBILITY_SECONDS, wait_seconds=WAIT_SECONDS)
        if not found:
            break
        messages += found
    if not messages:
        return None
    write_messages(raw, files.received_key, messages)
    return raw.uri(files.received_key)


def plan_transforms(
    messages: list[Message],
    *,
    box: Letterbox,
    files: BatchFiles,
    aws: Aws,
    settings: Settings,
    now: datetime,
) -> list[str]:
    """Write the transforms that the messages ask for and return their URIs.

    What nobody wants and what our own runs wrote is deleted from the queue, what cannot be transformed
    becomes a letter.
    """
    raw = aws.object_store(settings.raw_bucket)
    landed: dict[str, Landed] = {}
    not_ours = _NotOurs(aws, settings)
    unwanted = []
    for message in messages:
        try:
            found = _read(message, raw, settings)
        except (InvalidMessage, ManifestMissing, ObjectCorrupt) as error:
            box.bury([message], _reason(message, error), now=now)
            continue
        if found is None or not not_ours(found.manifest):
            unwanted.append(message)
        else:
            landed.setdefault(found.key, found).messages.append(message)
    box.queue.delete(unwanted)
    groups = list(_groups(list(landed.values())))
    for index, group in enumerate(groups):
        _write_transform(raw, files, index, group, settings)
    log.info(
        "%s messages: %s manifests in %s transforms, %s not wanted or our own",
        len(messages),
        len(landed),
        len(groups),
        len(unwanted),
    )
    return [raw.uri(files.transform_key(index)) for index in range(len(groups))]


def bury_alone(
    job: TransformInput, messages: list[Message], error: Exception, *, box: Letterbox, now: datetime
) -> None:
    """Write letters for a transform that cannot succeed, if it is of one manifest.

    Of several, the good ones are not known: all come back, and at last each comes alone.
    """
    if len(job.manifest_keys) == 1:
        for message in messages:
            box.bury([message], _reason(message, error), now=now)


def write_messages(raw: ObjectStore, key: str, messages: list[Message]) -> None:
    """Keep deliveries, so that a later task can delete them."""
    raw.write(key, _MESSAGES.dump_json(messages))


def read_messages(raw: ObjectStore, uri: str) -> list[Message]:
    """Return the deliveries at `s3://bucket/key` of the RAW bucket."""
    return _MESSAGES.validate_json(raw.read(key_of(uri)))


def _read(message: Message, raw: ObjectStore, settings: Settings) -> Landed | None:
    """Return the manifest that a message tells of; None where no trigger of the settings wants it."""
    event = _event(message)
    if event.bucket != raw.bucket:
        raise InvalidMessage([f"bucket: {event.bucket!r} is not the RAW bucket {raw.bucket!r}"])
    wanted = any(
        event.key.startswith(f"{trigger.domain}/")
        and event.key.endswith(trigger.suffix)
        and event.size >= trigger.min_size
        for trigger in settings.processing_triggers
    )
    if not wanted:
        return None
    key, table, ds = _place(event.key)
    ref = ManifestRef(ds=ds, manifest_key=key, source="s3_event")
    (manifest,) = raw_reader.read_manifests(raw, table, [ref])
    for entry in manifest.objects:
        raw_files.format_of(entry.key)
    return Landed(table, ds, key, manifest)


def _event(message: Message) -> ManifestEvent:
    try:
        return ManifestEvent.model_validate_json(message.body)
    except ValidationError as error:
        raise InvalidMessage([fault_text(fault, ManifestEvent) for fault in error.errors()]) from error


def _place(key: str) -> tuple[str, RawTable, date]:
    """Return the key, its table and day; raise `InvalidMessage` where prices have no such manifest.

    One place a day: a second manifest of the day would make a file that lacks the first one's symbols.
    """
    for spelled in (key, unquote_plus(key)):  # S3's own notifications encode keys
        try:
            table, ds = parse_manifest_key(spelled)
        except ValueError as error:
            fault = error
            continue
        if table.domain != TRANSFORMED_DOMAIN or table.interval not in INTERVALS:
            raise InvalidMessage(
                [
                    f"key: no transform for {table.prefix}: prices are transformed in the domain "
                    f"{TRANSFORMED_DOMAIN!r}, intervals {', '.join(INTERVALS)}"
                ]
            )
        return spelled, table, ds
    raise InvalidMessage([f"key: {fault}"])


class _NotOurs:
    """Knows whether a manifest is of a batch of ours: those are transformed by their own run."""

    def __init__(self, aws: Aws, settings: Settings) -> None:
        self._table = aws.table(settings.batch_table)
        self._known: dict[str, bool] = {}

    def __call__(self, manifest: Manifest) -> bool:
        batch_id = manifest.batch_id
        if batch_id not in self._known:
            # what cannot be a key of the table cannot be in it
            possible = 0 < len(batch_id.encode()) <= 2048
            self._known[batch_id] = possible and BatchTracker(self._table, batch_id).exists()
        return not self._known[batch_id]


def _reason(message: Message, error: Exception) -> Reason:
    try:
        event = _event(message)
    except InvalidMessage:
        return Reason(INVALID, error)
    codes: dict[type[Exception], str] = {InvalidMessage: INVALID, ManifestMissing: MISSING}
    code = getattr(error, "code", codes.get(type(error), CORRUPT))
    return Reason(code, error, correlation_id=event.correlation_id, key=event.key)


def _groups(landed: list[Landed]) -> Iterator[list[Landed]]:
    by_group: dict[tuple[object, ...], dict[str, Landed]] = {}
    for one in sorted(landed, key=lambda one: one.key):
        by_group.setdefault(one.group, {})[one.key] = one
    for group in by_group.values():
        # a day without objects counts as one: its file, where there is one, must become empty
        days = [DayManifest(one.ds, key, len(one.manifest.objects) or 1) for key, one in group.items()]
        for some in group_days(days):
            yield [group[day.key] for day in some]


def _write_transform(
    raw: ObjectStore, files: BatchFiles, index: int, group: list[Landed], settings: Settings
) -> None:
    first = group[0].table
    job = TransformInput(
        manifest_keys=[ManifestRef(ds=one.ds, manifest_key=one.key, source="s3_event") for one in group],
        domain=first.domain,
        table_name=first.table_name,
        file_type=group[0].file_type,
        interval=first.interval,
        data_source=first.data_source,
        raw_bucket=settings.raw_bucket,
    )
    write_messages(raw, files.messages_key(index), [message for one in group for message in one.messages])
    raw.write(files.transform_key(index), job.model_dump_json(indent=1).encode())
