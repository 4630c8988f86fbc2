"""What is on disk of a stream's records, and what a kill in the middle leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.aws.firehose.destination import Destination
from devstack.aws.firehose.spool import Spool


def contents(spool: Spool) -> list[list[bytes]]:
    return [list(buffer.records()) for buffer in spool.sealed]


def test_a_buffer_is_sealed_at_its_size_and_at_its_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([b"aaaa", b"bbbb", b"cc"], now=100.0, size=8)
    assert contents(spool) == [[b"aaaa", b"bbbb"]]
    spool.append([b"d"], now=130.0, size=8)
    spool.seal(99.0)
    assert len(spool.sealed) == 1
    spool.seal(100.0)
    assert contents(spool) == [[b"aaaa", b"bbbb"], [b"cc", b"d"]]
    assert [buffer.arrival for buffer in spool.sealed] == [100.0, 100.0]


def test_a_new_process_delivers_what_the_old_one_left_under_the_same_key(tmp_path: Path) -> None:
    old = Spool(tmp_path)
    old.append([b"aa"], now=100.25, size=1)
    old.append([b"", b"cc"], now=101.0, size=100)
    new = Spool(tmp_path)
    assert contents(new) == [[b"aa"], [b"", b"cc"]]
    assert new.sealed[0] == old.sealed[0]
    assert new.oldest == 100.25


@pytest.mark.parametrize("lost", range(1, 8))
def test_a_record_that_was_cut_short_takes_no_other_with_it(tmp_path: Path, lost: int) -> None:
    Spool(tmp_path).append([b"whole", b"cut"], now=100.0, size=100)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-lost])
    assert contents(Spool(tmp_path)) == [[b"whole"]]


def test_a_record_that_the_disk_did_not_take_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from devstack.aws.firehose import spool as module

    spool, real = Spool(tmp_path), module.os.write
    spool.append([b"before"], now=100.0, size=100)

    def full(file: int, data: memoryview) -> int:
        real(file, bytes(data)[:2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module.os, "write", full)
        with pytest.raises(OSError, match="No space"):
            spool.append([b"lost"], now=100.0, size=100)
    spool.append([b"after"], now=100.0, size=100)
    spool.seal(100.0)
    assert contents(spool) == [[b"before", b"after"]]


def test_a_delivered_buffer_is_gone_from_the_disk(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([b"a"], now=100.0, size=1)
    spool.forget(spool.sealed[0])
    assert (spool.oldest, list(tmp_path.iterdir())) == (None, [])


@pytest.mark.parametrize(
    "config",
    [
        {"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda"}]}},
        {"DataFormatConversionConfiguration": {"SchemaConfiguration": {}}},
        {"DynamicPartitioningConfiguration": {"Enabled": True}},
        {"CompressionFormat": "Snappy"},
    ],
)
def test_a_stream_that_changes_its_records_stays_with_ministack(config: dict[str, object]) -> None:
    stream = {
        "name": "s", "version": 1, "type": "DirectPut",
        "destinations": [{"type": "ExtendedS3", "config": {"BucketARN": "arn:aws:s3:::b", **config}}],
    }  # fmt: skip
    assert Destination.of(stream) is None
