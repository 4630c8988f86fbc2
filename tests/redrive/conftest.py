"""Queues of a test's own."""

from __future__ import annotations

import pytest

from include.clients.aws import Aws
from tests.redrive.office import Office


@pytest.fixture
def office(aws: Aws) -> Office:
    """All queues of an environment of the test's own, empty."""
    return Office(aws)
