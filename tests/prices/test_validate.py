"""Seed 000 §8: structure fails at once, a wrong value gets its default, the business rules fall back."""

from __future__ import annotations

from datetime import date

import pytest

from include.core.errors import InvalidRequest
from include.prices.validate import validate_request

SESSION = date(2013, 3, 1)


def faults_of(conf: object) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        validate_request(conf, session=SESSION)
    return caught.value.faults


def test_an_empty_configuration_is_a_whole_request() -> None:
    request, notices = validate_request({}, session=SESSION)
    assert (request.period, request.interval, request.file_format) == ("1mo", "1d", "json")
    assert notices == []


def test_null_is_no_value() -> None:
    request, _ = validate_request({"symbols": None, "start": None, "period": None}, session=SESSION)
    assert request.symbols == []
    assert request.period == "1mo"


def test_symbols_are_upper_cased_and_each_kept_once_in_order() -> None:
    request, _ = validate_request({"symbols": ["msft", "AAPL", " MSFT ", "brk-b"]}, session=SESSION)
    assert request.symbols == ["MSFT", "AAPL", "BRK-B"]


@pytest.mark.parametrize("symbol", ["", "A B", "../AAPL", "A/B", "A" * 21, "ÄPL", ".X", 7])
def test_a_malformed_symbol_fails_the_request(symbol: object) -> None:
    (fault,) = faults_of({"symbols": [symbol]})
    assert fault.startswith("symbols.0: ")


def test_an_unknown_key_is_named_with_its_nearest_valid_name() -> None:
    assert faults_of({"symbls": ["AAPL"]}) == ["unknown key 'symbls': did you mean 'symbols'?"]


def test_an_unknown_key_of_override_config_is_named_with_its_nearest_valid_name() -> None:
    assert faults_of({"override_config": {"chunksize": 3}}) == [
        "unknown key 'override_config.chunksize': did you mean 'chunk_size'?"
    ]


def test_every_fault_is_listed_at_once() -> None:
    faults = faults_of({"symbls": [], "symbols": ["A B"], "start": "soon", "interval": "7d"})
    assert len(faults) == 4


@pytest.mark.parametrize("conf", [[], "AAPL", 3, None])
def test_what_is_no_object_is_refused(conf: object) -> None:
    (fault,) = faults_of(conf)
    assert "not a JSON object" in fault


def test_dates_out_of_order_are_refused() -> None:
    assert faults_of({"start": "2013-02-01", "end": "2013-01-01"}) == [
        "start 2013-02-01 is after end 2013-01-01"
    ]


def test_dates_out_of_order_are_refused_even_beside_a_wrong_value() -> None:
    assert faults_of({"start": "2013-02-01", "end": "2013-01-01", "interval": "7d"}) == [
        "start 2013-02-01 is after end 2013-01-01"
    ]


def test_a_start_after_the_last_session_is_refused() -> None:
    (fault,) = faults_of({"start": "2013-03-02"})
    assert "2013-03-01" in fault


@pytest.mark.parametrize(
    ("conf", "field", "default"),
    [
        ({"interval": "7d"}, "interval", "1d"),
        ({"period": "1 month"}, "period", "1mo"),
        ({"dry_run": "perhaps"}, "dry_run", False),
    ],
)
def test_a_wrong_value_gets_its_default_and_a_notice(conf: dict, field: str, default: object) -> None:
    request, notices = validate_request(conf, session=SESSION)
    assert getattr(request, field) == default
    (notice,) = notices
    assert field in notice


def test_a_wrong_override_gets_its_default_and_the_others_stay() -> None:
    request, notices = validate_request(
        {"override_config": {"chunk_size": 0, "rate_limit_per_minute": 7}}, session=SESSION
    )
    assert (request.override_config.chunk_size, request.override_config.rate_limit_per_minute) == (5, 7)
    assert "override_config.chunk_size" in notices[0]


def test_an_end_in_the_future_becomes_the_session_day() -> None:
    request, notices = validate_request({"end": "2030-01-01"}, session=SESSION)
    assert request.end == SESSION
    assert "2030-01-01" in notices[0]
