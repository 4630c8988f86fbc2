"""One manifest a day: the union over all batches, the run's own day last."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timezone

import polars as pl
import pytest

from include.clients.object_store import ObjectInfo, ObjectStore
from include.core.contracts import Manifest
from include.prices.config import PricesRequest
from include.prices.manifest import failed_symbols, write_manifests
from include.prices.plan import Plan, plan_run
from include.prices.receipts import SCHEMA, Outcome
from include.prices.universe import Universe

pytestmark = pytest.mark.integration
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
THURSDAY, FRIDAY = date(2013, 2, 28), date(2013, 3, 1)


def plan_of(symbols: list[str], correlation_id: str = "one") -> Plan:
    return plan_run(
        PricesRequest(period="5d"),
        Universe(symbols, "payload"),
        session=FRIDAY,
        correlation_id=correlation_id,
        max_map_length=1024,
    )


def outcomes(*rows: Outcome) -> pl.DataFrame:
    return pl.DataFrame([vars(row) for row in rows], schema=SCHEMA)


def written(symbol: str, ds: date, status: str = "written") -> Outcome:
    return Outcome(symbol, status, ds=ds, key=f"{ds}/{symbol}.json", records=1)  # type: ignore[arg-type]


def write(raw: ObjectStore, plan: Plan, *rows: Outcome) -> dict[date, Manifest]:
    manifests = write_manifests(raw, plan, outcomes(*rows), environment="test", now=NOW)
    return {day.ds: Manifest.model_validate_json(raw.read(day.key)) for day in manifests}


def test_each_day_with_an_object_has_a_manifest(raw: ObjectStore) -> None:
    manifests = write(raw, plan_of(["AAPL"]), written("AAPL", THURSDAY), written("AAPL", FRIDAY))
    assert list(manifests) == [THURSDAY, FRIDAY]
    (entry,) = manifests[FRIDAY].objects
    assert (entry.symbol, entry.key, entry.records) == ("AAPL", "2013-03-01/AAPL.json", 1)


def test_the_own_day_has_a_manifest_even_without_objects(raw: ObjectStore) -> None:
    manifests = write(raw, plan_of(["AAPL"]), Outcome("AAPL", "empty", error="NoBars"))
    assert manifests[FRIDAY].objects == []
    assert [(entry.symbol, entry.error) for entry in manifests[FRIDAY].failed_symbols] == [("AAPL", "NoBars")]


def test_the_own_day_is_written_last(raw: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    replace = ObjectStore.replace

    def note(self: ObjectStore, key: str, data: bytes, *, etag: str | None) -> ObjectInfo:
        order.append(key)
        return replace(self, key, data, etag=etag)

    monkeypatch.setattr(ObjectStore, "replace", note)
    plan = plan_of(["AAPL"])
    days = plan.session_days()
    write(raw, plan, *(written("AAPL", day) for day in reversed(days)))
    assert len(order) == 5
    assert order[-1] == plan.request.raw_table.manifest_key(FRIDAY)


def test_a_batch_for_other_symbols_adds_to_the_day(raw: ObjectStore) -> None:
    write(raw, plan_of(["AAPL"]), written("AAPL", FRIDAY))
    day = write(raw, plan_of(["IBM"], "two"), written("IBM", FRIDAY))[FRIDAY]
    assert [entry.symbol for entry in day.objects] == ["AAPL", "IBM"]
    assert (day.revision, day.batch_id) == (2, "market:prices:2013-03-01:two")


def test_batches_that_meet_on_a_day_lose_nothing(raw: ObjectStore) -> None:
    symbols = [f"S{n}" for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda s: write(raw, plan_of([s], s), written(s, FRIDAY)), symbols))
    day = Manifest.model_validate_json(raw.read(plan_of(["X"]).request.raw_table.manifest_key(FRIDAY)))
    assert [entry.symbol for entry in day.objects] == symbols
    assert day.revision == 8


def test_a_batch_that_brings_nothing_new_leaves_the_manifest_alone(raw: ObjectStore) -> None:
    first = write(raw, plan_of(["AAPL"]), written("AAPL", FRIDAY))[FRIDAY]
    again = write(raw, plan_of(["AAPL"], "two"), written("AAPL", FRIDAY, "skipped"))[FRIDAY]
    assert again == first


def test_an_overwritten_object_makes_a_new_revision(raw: ObjectStore) -> None:
    write(raw, plan_of(["AAPL"]), written("AAPL", FRIDAY))
    assert write(raw, plan_of(["AAPL"], "two"), written("AAPL", FRIDAY))[FRIDAY].revision == 2


def test_a_retried_finalization_changes_nothing(raw: ObjectStore) -> None:
    plan = plan_of(["AAPL"])
    assert write(raw, plan, written("AAPL", FRIDAY)) == write(raw, plan, written("AAPL", FRIDAY))


def test_a_failed_symbol_is_in_the_manifest_until_a_batch_gets_it(raw: ObjectStore) -> None:
    failed = Outcome("GONE", "failed", error="SymbolNotFound", message="no data")
    day = write(raw, plan_of(["AAPL", "GONE"]), written("AAPL", FRIDAY), failed)[FRIDAY]
    assert [(entry.symbol, entry.error) for entry in day.failed_symbols] == [("GONE", "SymbolNotFound")]
    day = write(raw, plan_of(["IBM"], "two"), written("IBM", FRIDAY))[FRIDAY]
    assert [entry.symbol for entry in day.failed_symbols] == ["GONE"]
    day = write(raw, plan_of(["GONE"], "three"), written("GONE", FRIDAY))[FRIDAY]
    assert day.failed_symbols == []
    assert [entry.symbol for entry in day.objects] == ["AAPL", "GONE", "IBM"]


def test_a_missing_session_is_a_fault_of_its_day_and_not_of_the_symbol(raw: ObjectStore) -> None:
    gap = Outcome("AAPL", "missing", ds=THURSDAY, error="MissingSession", message="no bar")
    manifests = write(raw, plan_of(["AAPL"]), gap, written("AAPL", FRIDAY))
    assert [entry.error for entry in manifests[THURSDAY].failed_symbols] == ["MissingSession"]
    assert manifests[FRIDAY].failed_symbols == []
    assert failed_symbols(outcomes(gap)) == []
