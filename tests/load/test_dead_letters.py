"""A letter has all that is needed to judge and to redrive its message."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from include.core.contracts import HISTORY_ATTRIBUTE, Attempt
from include.load.dead_letters import LARGEST
from tests.load.loads import Loads

pytestmark = pytest.mark.integration
EARLIER = Attempt(
    code="E005", error="WarehouseUnavailable", message="busy", attempts=3,
    failed_at=datetime(2026, 11, 20, tzinfo=timezone.utc),
)  # fmt: skip


def _send(loads: Loads, history: str) -> str:
    body = json.dumps(
        {"bucket": loads.store.bucket, "key": loads.key(), "domain": "market", "correlation_id": "c-9"}
    )
    loads.queue.send(body, {HISTORY_ATTRIBUTE: history})
    return body


def test_the_history_of_a_redriven_message_goes_on_with_it(loads: Loads) -> None:
    body = _send(loads, json.dumps([EARLIER.model_dump(mode="json")]))
    loads.drain()
    (letter,) = loads.letters()
    assert letter.history == [EARLIER]
    assert (letter.original_body, letter.code, letter.correlation_id) == (body, "E007", "c-9")
    assert letter.failed_at.utcoffset() is not None


@pytest.mark.parametrize("history", ["no JSON", '[{"code": 5}]'])
def test_a_history_that_cannot_be_read_stops_nothing(loads: Loads, history: str) -> None:
    _send(loads, history)
    loads.drain()
    (letter,) = loads.letters()
    assert (letter.history, letter.code) == ([], "E007")


def test_a_message_too_long_for_a_letter_goes_to_the_letters_as_it_is(loads: Loads) -> None:
    body = '"' * (LARGEST - 1000)  # as a JSON string it is twice as long
    loads.queue.send(body)
    assert loads.drain().letters == 1
    (found,) = loads.dlq.receive(10, visibility_seconds=60)
    assert found.body == body
    assert loads.is_empty()
