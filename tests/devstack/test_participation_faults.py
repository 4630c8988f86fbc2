"""The words that say what goes wrong in a simulated contest, and when a broken EventBridge is well again."""

from __future__ import annotations

import json

import pytest

from devstack.participation_faults import Breakable, Faults, SimulationFailed, read_faults
from include.participation.parts import PUBLISH_ATTEMPTS


def test_faults_combine_and_a_word_alone_has_a_number_of_its_own() -> None:
    assert read_faults("worker-crash=2,duplicates, events-broken=5,redrive") == Faults(2, 10, 5, 10)
    assert read_faults("") == Faults()


@pytest.mark.parametrize(
    "text",
    [
        "worker-crash", "worker-crash=", "worker-crash=x", "worker-crash=-1", "worker-crash=99", "events-broken=26",
        "crash=1", "=1", "redrive=1=2", "duplicates=½",
    ],
)  # fmt: skip
def test_what_is_no_fault_is_named(text: str) -> None:
    with pytest.raises(SimulationFailed, match="worker-crash, duplicates, events-broken, redrive"):
        read_faults(text)


def call(*ids: str) -> bytes:
    return json.dumps({"Entries": [{"Detail": json.dumps({"requestId": name})} for name in ids]}).encode()


def test_an_event_is_lost_once_its_call_was_given_up_and_enough_of_them_heal_it() -> None:
    breakable = Breakable("http://127.0.0.1:1")
    assert not breakable.refuses(call("a"))
    breakable.break_until_lost(3)
    for _ in range(PUBLISH_ATTEMPTS - 1):
        assert [breakable.refuses(call("b", "c")), breakable.refuses(call("d"))] == [True, True]
    assert breakable.lost == set()
    assert breakable.refuses(call("b", "c"))
    assert (breakable.lost, breakable.healed.is_set()) == ({"b", "c"}, False)
    assert breakable.refuses(call("d"))
    assert (breakable.lost, breakable.healed.is_set()) == ({"b", "c", "d"}, True)
    assert not breakable.refuses(call("e"))
