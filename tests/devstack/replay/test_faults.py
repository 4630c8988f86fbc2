"""Fault specs and their repeatable draws."""

from __future__ import annotations

import pytest

from devstack.replay.faults import KINDS, Faults, InvalidFault


def drawn(faults: Faults, symbols: int = 400, attempts: int = 5) -> list[str | None]:
    return [faults.next_for(f"S{n}") for n in range(symbols) for _ in range(attempts)]


def test_no_specs_no_faults() -> None:
    assert set(drawn(Faults())) == {None}


def test_the_same_specs_draw_the_same_faults_whatever_the_order_of_symbols() -> None:
    specs = ["rate:429=0.1", "rate:500=0.05"]
    forward, backward = Faults(specs), Faults(specs)
    ahead = {n: forward.next_for(f"S{n}") for n in range(300)}
    assert ahead == {n: backward.next_for(f"S{n}") for n in reversed(range(300))}


def test_another_seed_draws_other_faults() -> None:
    assert drawn(Faults(["rate:429=0.5"])) != drawn(Faults(["rate:429=0.5", "seed:7"]))


def test_rates_are_met_and_exclude_each_other() -> None:
    found = drawn(Faults(["rate:429=0.1", "rate:500=0.05"]))
    assert found.count("429") / len(found) == pytest.approx(0.1, abs=0.02)
    assert found.count("500") / len(found) == pytest.approx(0.05, abs=0.015)


def test_a_symbols_own_fault_beats_the_rates() -> None:
    faults = Faults(["rate:429=1", "symbol:XYZ=delisted"])
    assert [faults.next_for("XYZ"), faults.next_for("ABC")] == ["delisted", "429"]


def test_a_counted_fault_ends_after_its_requests() -> None:
    faults = Faults(["symbol:abc=429*2"])
    assert [faults.next_for("ABC") for _ in range(3)] == ["429", "429", None]


def test_a_symbol_with_an_equals_sign_can_be_named() -> None:
    assert Faults(["symbol:EURUSD=X=500"]).next_for("EURUSD=X") == "500"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_can_be_asked_for(kind: str) -> None:
    assert Faults([f"symbol:ABC={kind}"]).next_for("ABC") == kind


@pytest.mark.parametrize(
    "spec",
    ["", "429", "rate:429", "rate:429=2", "rate:429=x", "rate:oops=0.1", "symbol:ABC", "symbol:ABC=oops",
     "symbol:ABC=429*0", "symbol:ABC=429*x", "all:429=1", "seed:"],
)  # fmt: skip
def test_a_spec_that_cannot_be_read_is_named_with_the_right_forms(spec: str) -> None:
    with pytest.raises(InvalidFault, match=r"rate:429=0\.1") as caught:
        Faults([spec])
    assert repr(spec) in str(caught.value)


def test_rates_above_one_together_are_refused() -> None:
    with pytest.raises(InvalidFault, match="more than 1"):
        Faults(["rate:429=0.6", "rate:500=0.6"])
