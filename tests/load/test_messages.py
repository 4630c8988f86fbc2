"""A message is read whole: every fault is told at once."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from include.clients.queues import Message
from include.core.errors import InvalidMessage
from include.load.config import LoadRequest, parse_request
from include.load.messages import Announced, read_message, said_of

KEY = "market/prices/ds=2013-03-01/part-000.parquet"
SAID = {"bucket": "curated", "key": KEY, "domain": "market", "correlation_id": "c-1"}


def read(said: Any) -> Announced:
    body = said if isinstance(said, str) else json.dumps(said)
    message = Message("m-1", body, "receipt", 1, datetime.now(timezone.utc))
    return read_message(message, domain="market", bucket="curated")


def faults(said: Any) -> list[str]:
    with pytest.raises(InvalidMessage) as caught:
        read(said)
    return caught.value.faults


def test_table_and_partition_come_from_the_key() -> None:
    asked = read(SAID).asked
    assert (asked.table_name, asked.partition, asked.file_size) == ("prices", "ds=2013-03-01", None)


def test_every_fault_is_told_also_beside_a_key_that_is_none() -> None:
    found = faults({"bucket": "other", "key": "customer/x.csv", "domain": 5, "file_size": "big", "extra": 1})
    text = "\n".join(found)
    for words in (
        "key: 'customer/x.csv' is not", "correlation_id: Field required", "file_size", "unknown key 'extra'",
        "bucket: 'other'", "outside the domain",
    ):  # fmt: skip
        assert words in text, words


@pytest.mark.parametrize(
    ("body", "words"),
    [("", "not JSON"), ("null", "NoneType"), ('"text"', "str"), ("[]", "list"), ("{}", "Field required")],
)
def test_what_is_no_object_is_told(body: str, words: str) -> None:
    assert words in "\n".join(faults(body))


def test_a_key_as_s3_encodes_it_is_also_tried_decoded() -> None:
    read_one = read({**SAID, "key": "market/prices/ds%3D2013-03-01/part+%C3%A4.parquet"})
    assert read_one.spellings == ("market/prices/ds=2013-03-01/part ä.parquet",)
    assert read_one.asked.partition == "ds=2013-03-01"
    assert read({**SAID, "key": KEY.replace("part", "a+b")}).spellings == (
        KEY.replace("part", "a+b"),
        KEY.replace("part", "a b"),
    )


def test_a_key_that_decodes_to_another_domain_is_never_looked_for() -> None:
    assert "outside the domain" in "\n".join(faults({**SAID, "key": "customer%2Fx/ds=1/f.parquet"}))
    assert read({**SAID, "key": "market/prices/ds=1/..%2F..%2F..%2Fcustomer.parquet"}).spellings == (
        "market/prices/ds=1/..%2F..%2F..%2Fcustomer.parquet",
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (json.dumps(SAID), ("c-1", KEY)),
        ('{"key": 5, "correlation_id": "c"}', ("c", None)),
        ("[]", (None, None)),
        ("x", (None, None)),
    ],
)
def test_a_letter_names_what_can_be_read_of_any_body(body: str, expected: tuple[Any, Any]) -> None:
    assert said_of(body) == expected


def test_a_request_has_the_watchers_defaults_and_refuses_unknown_keys() -> None:
    assert parse_request({"batch_size": None}) == LoadRequest()
    with pytest.raises(Exception, match="did you mean 'batch_size'") as caught:
        parse_request({"batchsize": 1, "max_messages": 0})
    assert "max_messages" in str(caught.value)
