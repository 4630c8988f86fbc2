"""What a redrive may be asked; anything wrong is refused, for a mistyped filter would redrive everything."""

from __future__ import annotations

import pytest

from dags.dlq_redrive import MAIN_PARAMS
from include.core.errors import InvalidRequest
from include.core.queues import queue_pairs
from include.orchestration.params import params_from
from include.redrive.config import RedriveRequest, validate_redrive


def faults_of(conf: object) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        validate_redrive(conf)
    return caught.value.faults


def test_a_queue_alone_is_a_whole_request_and_a_dry_run() -> None:
    request = validate_redrive({"queue": "load_market", "code": None, "limit": None})
    assert request.dry_run
    assert (request.code, request.key, request.limit) == (None, None, None)


@pytest.mark.parametrize("title", [pair.title for pair in queue_pairs("local")])
def test_every_queue_of_a_deployment_may_be_named(title: str) -> None:
    assert validate_redrive({"queue": title}).queue == title


def test_the_form_offers_every_queue_and_chooses_none() -> None:
    form = params_from(RedriveRequest, main=MAIN_PARAMS)
    assert form["queue"].schema["enum"] == [pair.title for pair in queue_pairs("local")]
    assert form["queue"].value is None
    assert form["dry_run"].value is True


def test_no_queue_is_a_fault() -> None:
    assert faults_of({}) == ["queue: Field required"]


def test_an_unknown_queue_is_named_with_those_there_are() -> None:
    (fault,) = faults_of({"queue": "load_markets"})
    assert "'load_markets'" in fault
    assert "load_market, load_customer" in fault


def test_an_unknown_key_is_named_with_its_nearest_valid_name() -> None:
    assert faults_of({"queue": "extract", "dryrun": False}) == [
        "unknown key 'dryrun': did you mean 'dry_run'?"
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0}, {"limit": "many"}, {"dry_run": "perhaps"}, {"code": ""}, {"key": ""},
        {"min_age_minutes": -1}, {"min_age_minutes": 60, "max_age_minutes": 30},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_value_is_refused_and_never_its_default(wrong: dict[str, object]) -> None:
    assert len(faults_of({"queue": "extract", **wrong})) == 1


@pytest.mark.parametrize("conf", [[], "load_market", None])
def test_what_is_no_object_is_refused(conf: object) -> None:
    assert "not a JSON object" in faults_of(conf)[0]


@pytest.mark.parametrize(
    ("asked", "key", "wanted"),
    [
        (None, "anything", True),
        ("prices", "market/prices/ds=2026-11-20/part-000.parquet", True),
        ("price", "market/trades/ds=2026-11-20/part-000.parquet", False),
        ("market/*/ds=2026-11-2?/*", "market/prices/ds=2026-11-20/part-000.parquet", True),
        ("prices*", "market/prices/ds=2026-11-20/part-000.parquet", False),
        ("market/*[1].parquet", "market/prices/ds=2026-11-20/part [1].parquet", True),
        ("market/*[1].parquet", "market/prices/ds=2026-11-20/part 1.parquet", False),
    ],
)
def test_a_key_is_a_part_of_the_key_or_a_pattern_of_it_all(asked: str | None, key: str, wanted: bool) -> None:
    assert RedriveRequest(queue="load_market", key=asked).wants_key(key) is wanted
