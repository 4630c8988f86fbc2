"""A simulated contest: asked twice, a worker killed, and no place too many."""

from __future__ import annotations

import pytest

from devstack.participation import simulate
from tests.participation.conftest import Service

pytestmark = pytest.mark.integration


def test_a_contest_gives_every_place_once(service: Service) -> None:
    contest = simulate(
        service.aws, environment=service.environment, requests_table=service.config.requests_table,
        users=60, events=2, capacity=20, crashes=1,
    )  # fmt: skip
    assert (contest.requests, contest.duplicates, contest.crashes) == (120, 12, 1)
    assert list(contest.states.values()) == [{"SUCCEEDED": 20, "REJECTED": 40}] * 2
    assert set(contest.remaining.values()) == {0}
    assert contest.lines()[0] == "120 requests, 12 asked twice, 1 workers killed"
