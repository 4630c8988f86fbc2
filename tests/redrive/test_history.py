"""A message that fails again after each redrive tells in its letter of every time."""

from __future__ import annotations

import pytest

from include.core.contracts import DeadLetter
from include.core.errors import InvalidMessage, ObjectMissing, SchemaMismatch, TapelineError
from include.load.dead_letters import write_letter
from include.load.policy import Failure
from tests.redrive.office import NOW, Office

pytestmark = pytest.mark.integration


def fail(office: Office, error: TapelineError) -> None:
    """Handle the queue's one message as a load does that fails for good."""
    (message,) = office.queue().receive(10, visibility_seconds=60)
    write_letter(office.queue(), office.dlq(), message, Failure(error, 1), now=NOW)


def test_the_letters_history_grows_with_each_redrive(office: Office) -> None:
    office.queue().send({"key": "market/prices/ds=2026-11-20/a.parquet"})
    for error in (ObjectMissing("gone"), SchemaMismatch("other columns"), InvalidMessage(["no bucket"])):
        fail(office, error)
        assert office.redrive()["redriven"] == 1
    fail(office, ObjectMissing("gone again"))
    (found,) = office.dlq().receive(10, visibility_seconds=60)
    letter = DeadLetter.model_validate_json(found.body)
    assert letter.code == "E007"
    assert [(one.code, one.error) for one in letter.history] == [
        ("E007", "ObjectMissing"),
        ("E003", "SchemaMismatch"),
        ("E001", "InvalidMessage"),
    ]
    assert letter.original_body == '{"key": "market/prices/ds=2026-11-20/a.parquet"}'
