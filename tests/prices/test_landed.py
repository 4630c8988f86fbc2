"""Which manifests that landed are transformed, in what groups, and what becomes of the others."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any

import pytest

from include.clients.aws import Aws
from include.clients.object_store import ObjectStore
from include.clients.queues import Message, Queue
from include.core.contracts import Manifest, ManifestObject, TransformInput
from include.core.keys import BatchFiles, RawTable
from include.core.settings import ProcessingTrigger, Settings
from include.prices import landed
from include.prices.letters import Letterbox
from include.prices.tracker import BatchTracker
from include.prices.transform import curate_into, read_job

pytestmark = pytest.mark.integration
NOW = datetime(2013, 3, 4, 13, 0, tzinfo=timezone.utc)
TABLE = RawTable("market", "prices", "1d", "vendor")
THURSDAY, FRIDAY = date(2013, 2, 28), date(2013, 3, 1)
Plan = Callable[..., list[TransformInput]]


@pytest.fixture
def box(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Letterbox:
    """A queue and its dead letters, empty; nobody waits for more."""
    monkeypatch.setattr(landed, "WAIT_SECONDS", 0)
    client, name = aws.client("sqs"), uuid.uuid4().hex[:12]
    for queue in (name, f"{name}-dlq"):
        client.create_queue(QueueName=queue)
    return Letterbox(Queue(client, name), Queue(client, f"{name}-dlq"))


@pytest.fixture
def wanting(settings: Settings) -> Settings:
    """A deployment that wants every manifest of two domains."""
    triggers = [ProcessingTrigger(domain=name) for name in ("market", "customer")]
    return settings.model_copy(update={"processing_triggers": triggers})


@pytest.fixture
def plan(aws: Aws, wanting: Settings, raw: ObjectStore, box: Letterbox) -> Plan:
    """Return a function that plans the transforms of what waits in the queue."""
    files = BatchFiles("manifests:run")

    def plan_transforms(*, received: int = 1, settings: Settings = wanting) -> list[TransformInput]:
        uri = landed.receive_manifests(box.queue, raw, files)
        messages = landed.read_messages(raw, uri) if uri else []
        messages = [Message(**{**vars(message), "received": received}) for message in messages]
        uris = landed.plan_transforms(messages, box=box, files=files, aws=aws, settings=settings, now=NOW)
        return [read_job(raw, uri) for uri in uris]

    return plan_transforms


def put(
    raw: ObjectStore, ds: date = FRIDAY, *, table: RawTable = TABLE, suffix: str = "json", **changes: Any
) -> str:
    """Write a manifest of one object; return its key."""
    entry = ManifestObject(symbol="AAPL", key=f"{table.day_prefix(ds)}AAPL.{suffix}", records=1)
    manifest = Manifest(
        environment="vendor", domain=table.domain, table_name=table.table_name, data_source=table.data_source,
        interval=table.interval, ds=ds, generated_at=NOW, batch_id="v", objects=[entry],
    )  # fmt: skip
    key = table.manifest_key(ds)
    raw.write(key, manifest.model_copy(update=changes).model_dump_json().encode())
    return key


def announce(box: Letterbox, raw: ObjectStore, key: str, **changes: Any) -> None:
    box.queue.send({"bucket": raw.bucket, "key": key, "size": 400, "correlation_id": "e", **changes})


def test_manifests_of_one_table_and_format_are_one_transform(
    plan: Plan, raw: ObjectStore, box: Letterbox
) -> None:
    daily = [put(raw, ds) for ds in (FRIDAY, THURSDAY)]
    hourly = put(raw, table=RawTable("market", "prices", "1h", "vendor"))
    csv = put(raw, date(2013, 2, 27), suffix="csv.gz")
    for key in (*daily, hourly, csv):
        announce(box, raw, key)
    jobs = plan()
    found = {(job.interval, job.file_type): [ref.ds for ref in job.manifest_keys] for job in jobs}
    assert found == {
        ("1d", "json"): [THURSDAY, FRIDAY],
        ("1h", "json"): [FRIDAY],
        ("1d", "csv"): [date(2013, 2, 27)],
    }
    assert {(job.data_source, job.raw_bucket) for job in jobs} == {("vendor", raw.bucket)}
    assert {ref.source for job in jobs for ref in job.manifest_keys} == {"s3_event"}
    assert box.queue.depth().in_flight == 4


def test_a_manifest_that_comes_back_again_and_again_is_transformed_alone(
    plan: Plan, raw: ObjectStore, box: Letterbox
) -> None:
    for ds in (THURSDAY, FRIDAY):
        announce(box, raw, put(raw, ds))
    jobs = plan(received=landed.ALONE_FROM)
    assert [[ref.ds for ref in job.manifest_keys] for job in jobs] == [[THURSDAY], [FRIDAY]]


def test_an_encoded_key_is_read_as_what_it_means(plan: Plan, raw: ObjectStore, box: Letterbox) -> None:
    key = put(raw)
    announce(box, raw, key.replace("=", "%3D"))
    (job,) = plan()
    assert [ref.manifest_key for ref in job.manifest_keys] == [key]


def test_a_manifest_of_a_batch_of_ours_is_left_to_its_run(
    plan: Plan, raw: ObjectStore, box: Letterbox, aws: Aws, settings: Settings
) -> None:
    BatchTracker(aws.table(settings.batch_table), "ours").open(batch_ds=FRIDAY, expected_chunks=1)
    announce(box, raw, put(raw, batch_id="ours"))
    announce(box, raw, put(raw, THURSDAY, batch_id=""))
    (job,) = plan()
    assert [ref.ds for ref in job.manifest_keys] == [THURSDAY]
    assert box.queue.depth().total == 1


def test_without_a_trigger_nothing_is_read(
    plan: Plan, raw: ObjectStore, box: Letterbox, settings: Settings
) -> None:
    announce(box, raw, "market/there/is/none.manifest.json")
    assert plan(settings=settings) == []
    assert (box.queue.depth().total, box.dlq.depth().total) == (0, 0)


@pytest.mark.parametrize(
    ("key", "data", "code", "words"),
    [
        (TABLE.manifest_key(FRIDAY), None, "E007", "does not exist"),
        (TABLE.manifest_key(FRIDAY), b'{"cut', "E003", "is not a manifest"),
        (TABLE.manifest_key(FRIDAY), b"{}", "E003", "Field required"),
        ("market/prices/other.manifest.json", b"{}", "E001", "is not <domain>/<table>/interval="),
        (TABLE.manifest_key(FRIDAY).replace("day=01", "day=31"), b"{}", "E003", "is not a manifest"),
        (TABLE.manifest_key(FRIDAY).replace("month=03", "month=13"), b"{}", "E001", "names no day"),
        (TABLE.manifest_key(FRIDAY).replace("1d", "1wk"), b"{}", "E001", "no transform"),
        (RawTable("customer", "profiles", "1d", "crm").manifest_key(FRIDAY), b"{}", "E001", "no transform"),
    ],
)
def test_what_cannot_be_transformed_is_a_letter_with_its_reason(
    plan: Plan, raw: ObjectStore, box: Letterbox, key: str, data: bytes | None, code: str, words: str
) -> None:
    if data is not None:
        raw.write(key, data)
    announce(box, raw, key)
    assert plan() == []
    assert box.queue.depth().total == 0
    (letter,) = [json.loads(message.body) for message in box.dlq.receive(10, visibility_seconds=60)]
    assert (letter["code"], letter["key"], letter["correlation_id"]) == (code, key, "e")
    assert words in letter["message"]


def test_a_message_that_breaks_its_contract_or_names_another_bucket_is_a_letter(
    plan: Plan, raw: ObjectStore, box: Letterbox
) -> None:
    box.queue.send({"bucket": raw.bucket, "kye": "k"})
    announce(box, raw, put(raw), bucket="another")
    assert plan() == []
    letters = [json.loads(message.body) for message in box.dlq.receive(10, visibility_seconds=60)]
    assert {letter["code"] for letter in letters} == {"E001"}
    text = " ".join(letter["message"] for letter in letters)
    assert "unknown key 'kye': did you mean 'key'?" in text
    assert "'another' is not the RAW bucket" in text


def test_a_manifest_that_lists_objects_of_another_day_is_a_letter(
    plan: Plan, raw: ObjectStore, box: Letterbox
) -> None:
    foreign = ManifestObject(symbol="AAPL", key=f"{TABLE.day_prefix(THURSDAY)}AAPL.json", records=1)
    announce(box, raw, put(raw, objects=[foreign]))
    announce(box, raw, put(raw, THURSDAY, suffix="xml"))
    assert plan() == []
    letters = [json.loads(message.body) for message in box.dlq.receive(10, visibility_seconds=60)]
    assert [letter["code"] for letter in letters] == ["E003", "E003"]


def test_a_day_whose_manifest_was_emptied_loses_its_rows(
    plan: Plan, raw: ObjectStore, box: Letterbox, aws: Aws, settings: Settings
) -> None:
    bar = {
        "symbol": "AAPL", "timestamp": "2013-03-01T00:00:00Z", "open": 1, "high": 1, "low": 1, "close": 1,
        "adjusted_close": 1, "volume": 1,
    }  # fmt: skip
    raw.write(f"{TABLE.day_prefix(FRIDAY)}AAPL.json", json.dumps(bar).encode() + b"\n")

    def rows() -> list[int]:
        (job,) = plan()
        uri = curate_into(
            BatchFiles("b"), 0, job, max_invalid_ratio=0.05, aws=aws, settings=settings, now=NOW
        )  # fmt: skip
        listed = json.loads(raw.read(uri.removeprefix(f"s3://{raw.bucket}/")))
        return [file["rows"] for file in listed["files"]]

    announce(box, raw, put(raw))
    assert rows() == [1]
    announce(box, raw, put(raw, objects=[], revision=2))
    assert rows() == [0]
