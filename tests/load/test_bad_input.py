"""Whatever lands or is said, it has its code and its place, and the good files beside it are loaded."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import pytest

from include.core.contracts import DeadLetter
from tests.load.loads import Loads, bars

pytestmark = pytest.mark.integration


def test_a_message_that_breaks_its_contract_is_a_letter_with_its_body_as_it_came(loads: Loads) -> None:
    key = loads.put(bars("GOOD"))
    said = {"bucket": loads.store.bucket, "key": key, "domain": "market", "correlation_id": "c-1"}
    bodies = {
        "{not json": "not JSON",
        "[1, 2]": "not an object",
        json.dumps({"symbols": ["AAPL"]}): "bucket: Field required",
        json.dumps({**said, "key": key.replace("market", "customer"), "domain": "customer"}): "outside the domain",
        json.dumps({**said, "bucket": "somebody-elses"}): "not the curated bucket",
        json.dumps({**said, "key": "market/prices/_schema_fingerprint.json"}): "is not <domain>/<table>",
        json.dumps({**said, "key": key.rpartition("/")[0] + "/.."}): "names no file",
        json.dumps({**said, "table_name": "another"}): "the key",
        json.dumps({**said, "color": "red"}): "unknown key 'color'",
    }  # fmt: skip
    loads.send_many(list(bodies))
    assert loads.drain().letters == len(bodies)
    letters = {letter.original_body: letter for letter in loads.letters()}
    assert set(letters) == set(bodies)
    for body, words in bodies.items():
        assert letters[body].code == "E001"
        assert words in letters[body].message
    assert loads.symbols() == ["GOOD"]


@pytest.mark.parametrize(
    "part",
    ["part 001.parquet", "pärt-종목-001.parquet", "a+b&c=d%41.parquet", "100%.parquet", "q?#'\".parquet"],
)
def test_a_key_is_taken_as_it_is_and_else_decoded(loads: Loads, part: str) -> None:
    key = loads.key(part)
    loads.aws.client("s3").put_object(Bucket=loads.store.bucket, Key=key, Body=bars("ODD"))
    loads.announce(key)
    loads.announce(quote_plus(key, safe="/"))  # S3's own notifications write keys like this
    loads.announce(quote(key, safe="/"))
    counts = loads.drain()
    assert (counts.loaded, counts.skipped, counts.letters) == (1, 2, 0)
    assert loads.symbols() == ["ODD"]


def test_of_two_files_whose_keys_decode_to_one_each_is_loaded(loads: Loads) -> None:
    for part, symbol in (("a b.parquet", "SPACE"), ("a+b.parquet", "PLUS")):
        loads.put(bars(symbol), part)
    assert loads.drain().loaded == 2
    assert loads.symbols() == ["PLUS", "SPACE"]


def test_messages_in_any_order_and_number_load_the_newest_content_once(loads: Loads) -> None:
    key = loads.put(bars("OLD", "GONE"), times=3)
    assert loads.drain().loaded == 1
    loads.store.write(key, bars("NEW"))
    for _ in range(4):
        loads.announce(key, file_size=1)
    counts = loads.drain()
    assert (counts.loaded, counts.skipped, counts.letters) == (1, 3, 0)
    assert loads.symbols() == ["NEW"]


def test_a_letter_keeps_the_messages_correlation_id(loads: Loads) -> None:
    sent = loads.announce(loads.key("never-there.parquet"))
    loads.drain()
    (letter,) = loads.letters()
    assert isinstance(letter, DeadLetter)
    assert (letter.code, letter.correlation_id, letter.attempts) == ("E007", sent, 1)
    assert letter.source_queue == loads.queue.name
