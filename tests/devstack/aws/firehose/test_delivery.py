"""Records of a stream arrive in S3, buffered, each in a line of its own."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from devstack.aws.firehose.control import flush_deliveries
from tests.devstack.aws.firehose.conftest import Stream, eventually
from tests.devstack.conftest import LocalAwsProcess

pytestmark = pytest.mark.integration
NAME = re.compile(
    r"events/dt=(\d{4}-\d\d-\d\d)/hour=(\d\d)/(stream-\w+)-1-(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)-[0-9a-f-]{36}"
)


def numbered(start: int, end: int, size: int = 0) -> list[bytes]:
    return [json.dumps({"n": n, "filled": "x" * size}).encode() for n in range(start, end)]


def test_records_of_an_interval_are_one_object_of_one_line_each(shared_aws: LocalAwsProcess) -> None:
    before = datetime.now(timezone.utc).replace(microsecond=0)
    stream = Stream(shared_aws.aws).build(seconds=2)
    stream.put(*numbered(0, 100))
    shared_aws.aws.client("firehose").put_record(
        DeliveryStreamName=stream.name, Record={"Data": numbered(100, 101)[0]}
    )
    assert [json.loads(line)["n"] for line in stream.await_lines(101)] == list(range(101))
    (key,) = stream.objects()
    found = NAME.fullmatch(key)
    assert found, key
    at = datetime.strptime(found[4], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=timezone.utc)
    assert before <= at <= before + timedelta(seconds=60)
    assert (found[1], found[2], found[3]) == (f"{at:%Y-%m-%d}", f"{at:%H}", stream.name)


def test_a_buffer_that_is_full_is_delivered_before_its_time(shared_aws: LocalAwsProcess) -> None:
    stream = Stream(shared_aws.aws).build(seconds=900)
    for start in range(0, 250, 50):
        stream.put(*numbered(start, start + 50, size=10_000))
    delivered = stream.await_lines(200)
    assert sorted(json.loads(line)["n"] for line in delivered) == list(range(len(delivered)))
    assert len(delivered) < 250, "the last buffer is not full and not due"
    sizes = [len(content) for content in stream.objects().values()]
    assert len(sizes) == 2
    assert all(1 << 20 <= size < (1 << 20) + 20_000 for size in sizes)


def test_nothing_is_delivered_before_size_or_time_but_on_demand(shared_aws: LocalAwsProcess) -> None:
    stream = Stream(shared_aws.aws).build(seconds=900)
    stream.put(*numbered(0, 3))
    prompt = Stream(shared_aws.aws).build(seconds=1)
    prompt.put(*numbered(0, 3))
    prompt.await_lines(3)
    assert stream.objects() == {}
    assert flush_deliveries(str(shared_aws.aws.endpoint_url)) >= 1
    assert [json.loads(line)["n"] for line in stream.lines()] == [0, 1, 2]
    assert flush_deliveries(str(shared_aws.aws.endpoint_url)) == 0


def test_without_the_processor_records_run_together_as_in_aws(shared_aws: LocalAwsProcess) -> None:
    stream = Stream(shared_aws.aws).build(ProcessingConfiguration={"Enabled": False})
    stream.put(b'{"n":1}', b'{"n":2}')
    (content,) = eventually(stream.objects, "an object").values()
    assert content == b'{"n":1}{"n":2}'


def test_a_stream_that_asks_for_gzip_gets_it(shared_aws: LocalAwsProcess) -> None:
    stream = Stream(shared_aws.aws).build(CompressionFormat="GZIP")
    stream.put(*numbered(0, 3))
    assert [json.loads(line)["n"] for line in stream.await_lines(3)] == [0, 1, 2]
    assert all(key.endswith(".gz") for key in stream.objects())


def test_a_batch_that_aws_refuses_is_refused(shared_aws: LocalAwsProcess) -> None:
    stream = Stream(shared_aws.aws).build()
    client = shared_aws.aws.client("firehose")

    def code(name: str, *records: bytes) -> str:
        with pytest.raises(ClientError) as refused:
            client.put_record_batch(DeliveryStreamName=name, Records=[{"Data": one} for one in records])
        return str(refused.value.response["Error"]["Code"])

    assert code("no-such-stream", b"x") == "ResourceNotFoundException"
    assert code(stream.name, bytes(1_024_001)) == "InvalidArgumentException"
    assert code(stream.name, *[b"x"] * 501) == "InvalidArgumentException"
    assert code(stream.name, *[bytes(1_000_000)] * 5) == "InvalidArgumentException"
    assert flush_deliveries(str(shared_aws.aws.endpoint_url)) == 0


def test_records_wait_for_a_bucket_that_is_not_there(shared_aws: LocalAwsProcess) -> None:
    stream = Stream(shared_aws.aws).build(has_bucket=False)
    stream.put(*numbered(0, 5))
    eventually(lambda: f"Firehose {stream.name} cannot deliver" in shared_aws.log, "a warning")
    shared_aws.aws.client("s3").create_bucket(Bucket=stream.name)
    assert [json.loads(line)["n"] for line in stream.await_lines(5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_local_aws_that_is_killed_or_stopped_loses_no_record(local_aws: Any, is_killed: bool) -> None:
    stream = Stream(local_aws.aws).build(seconds=900)
    stream.target({"source": ["test"]})
    full = Stream(local_aws.aws).build(seconds=900)
    entry = {"Source": "test", "DetailType": "Told"}
    eventually(
        lambda: full.name in (local_aws.state / "services" / "firehose.json").read_text(), "a checkpoint"
    )
    stream.put(*numbered(0, 500))
    full.put(*numbered(0, 150, size=10_000))
    local_aws.aws.client("events").put_events(Entries=[{**entry, "Detail": '{"n": 500}'}])
    if is_killed:
        local_aws.process.kill()
        local_aws.process.wait()
    else:
        local_aws.stop()
    local_aws.start()
    assert [json.loads(line)["n"] for line in stream.await_lines(501)] == list(range(501))
    delivered = full.await_lines(150)
    assert sorted(json.loads(line)["n"] for line in delivered) == list(range(150))
    assert "Traceback" not in local_aws.log


def test_what_was_acknowledged_before_a_kill_in_the_middle_is_delivered(local_aws: Any) -> None:
    stream = Stream(local_aws.aws).build(seconds=1)
    stream.target({"source": ["test"]})
    eventually(
        lambda: stream.name in (local_aws.state / "services" / "eventbridge.json").read_text(), "a checkpoint"
    )
    aws, once = local_aws.aws, Config(retries={"total_max_attempts": 1})
    client = aws.session.client("events", endpoint_url=aws.endpoint_url, config=once)
    acknowledged = set[int]()

    def tell(thread: int) -> None:
        for start in range(thread * 100_000, (thread + 1) * 100_000, 10):
            numbers = range(start, start + 10)
            entry = {"Source": "test", "DetailType": "Told"}
            try:
                client.put_events(Entries=[{**entry, "Detail": json.dumps({"n": n})} for n in numbers])
            except BotoCoreError:
                return
            acknowledged.update(numbers)

    with ThreadPoolExecutor(4) as threads:
        telling = [threads.submit(tell, thread) for thread in range(4)]
        eventually(lambda: len(stream.objects()) >= 2, "a delivery while events come")
        local_aws.process.kill()
        for each in telling:
            each.result()
    local_aws.process.wait()
    local_aws.start()
    eventually(lambda: acknowledged <= {json.loads(line)["n"] for line in stream.lines()}, "all events")
    numbers = [json.loads(line)["n"] for line in stream.lines()]
    assert len(numbers) == len(set(numbers)), "nothing was sent twice"
