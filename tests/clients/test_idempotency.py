"""One run does the work of a key; whoever died on it can be followed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from include.clients.idempotency import LEASE, IdempotencyLedger

pytestmark = pytest.mark.integration
KEY = "market:prices:2013-03-01:x"


class Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(make_table: Any, clock: Clock) -> IdempotencyLedger:
    return IdempotencyLedger(make_table("id"), clock=clock)


def test_the_first_run_gets_the_key_and_the_second_learns_whose_it_is(ledger: IdempotencyLedger) -> None:
    assert ledger.claim(KEY, owner="one").ours
    second = ledger.claim(KEY, owner="two")
    assert (second.ours, second.owner, second.status) == (False, "one", "IN_PROGRESS")


def test_of_many_at_once_exactly_one_gets_the_key(ledger: IdempotencyLedger) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda n: ledger.claim(KEY, owner=str(n)), range(16)))
    winners = [claim.owner for claim in claims if claim.ours]
    assert len(winners) == 1
    assert {claim.owner for claim in claims} == set(winners)


def test_the_owner_may_claim_again(ledger: IdempotencyLedger) -> None:
    ledger.claim(KEY, owner="one")
    assert ledger.claim(KEY, owner="one").ours


def test_a_completed_key_stays_completed_for_others(ledger: IdempotencyLedger, clock: Clock) -> None:
    ledger.claim(KEY, owner="one")
    ledger.settle(KEY, owner="one", status="COMPLETED")
    clock.now += 10 * LEASE
    claim = ledger.claim(KEY, owner="two")
    assert (claim.ours, claim.status) == (False, "COMPLETED")


def test_a_failed_key_is_free(ledger: IdempotencyLedger) -> None:
    ledger.claim(KEY, owner="one")
    ledger.settle(KEY, owner="one", status="FAILED")
    assert ledger.claim(KEY, owner="two").ours


def test_a_run_that_died_gives_its_key_up_when_its_lease_passes(
    ledger: IdempotencyLedger, clock: Clock
) -> None:
    ledger.claim(KEY, owner="one")
    clock.now += LEASE
    assert not ledger.claim(KEY, owner="two").ours
    clock.now += timedelta(seconds=1)
    assert ledger.claim(KEY, owner="two").ours


def test_a_renewed_lease_holds(ledger: IdempotencyLedger, clock: Clock) -> None:
    ledger.claim(KEY, owner="one")
    clock.now += LEASE
    ledger.renew(KEY, owner="one")
    clock.now += LEASE
    assert not ledger.claim(KEY, owner="two").ours


def test_who_lost_the_key_can_neither_renew_nor_settle_it(ledger: IdempotencyLedger, clock: Clock) -> None:
    ledger.claim(KEY, owner="one")
    clock.now += 2 * LEASE
    ledger.claim(KEY, owner="two")
    ledger.settle(KEY, owner="one", status="FAILED")
    ledger.renew(KEY, owner="one")
    claim = ledger.claim(KEY, owner="three")
    assert (claim.ours, claim.owner) == (False, "two")
