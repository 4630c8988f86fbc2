"""The trigger form of a request model: every field, what it means, its default and its choices."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from airflow.sdk import Param

from dags.prices_daily import MAIN_PARAMS
from include.orchestration.params import params_from
from include.prices.config import Interval, Period, PricesRequest

HIDDEN = {"trigger_type", "data_type"}
FORM: dict[str, Param] = params_from(PricesRequest, main=MAIN_PARAMS, hidden=HIDDEN)


def test_every_field_but_the_hidden_ones_is_in_the_form() -> None:
    assert set(FORM) == set(PricesRequest.model_fields) - HIDDEN


@pytest.mark.parametrize("name", FORM)
def test_every_field_says_what_it_means(name: str) -> None:
    assert FORM[name].description == PricesRequest.model_fields[name].description
    assert len(FORM[name].description or "") > 10


def test_the_main_fields_come_first_and_only_they_have_no_section() -> None:
    assert list(FORM)[: len(MAIN_PARAMS)] == list(MAIN_PARAMS)
    assert {name for name, param in FORM.items() if "section" not in param.schema} == set(MAIN_PARAMS)


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("interval", list(get_args(Interval))),
        ("period", list(get_args(Period))),
        ("file_format", ["json", "csv"]),
        ("compression", ["none", "gzip"]),
        ("data_source", ["yahoo_finance"]),
    ],
)
def test_a_choice_shows_its_values(name: str, choices: list[str]) -> None:
    assert FORM[name].schema["enum"] == choices
    assert FORM[name].value in choices


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("start", {"type": ["string", "null"], "format": "date"}),
        ("end", {"type": ["string", "null"], "format": "date"}),
        ("symbols", {"type": ["array", "null"]}),
        ("force_symbols", {"type": ["array", "null"]}),
        ("override_config", {"type": ["object", "null"]}),
        ("dry_run", {"type": "boolean"}),
        ("correlation_id", {"type": ["string", "null"]}),
    ],
)
def test_a_field_is_shown_as_what_it_is(name: str, shown: dict[str, Any]) -> None:
    assert FORM[name].schema.items() >= shown.items()


def test_an_untouched_form_is_the_default_request() -> None:
    values = {name: param.value for name, param in FORM.items() if param.value is not None}
    assert PricesRequest.model_validate(values) == PricesRequest()


@pytest.mark.parametrize("wrong", [{"interval": "2d"}, {"symbols": "AAPL"}, {"dry_run": "yes"}], ids=str)
def test_the_form_refuses_nothing_that_the_first_task_judges(wrong: dict[str, Any]) -> None:
    """A wrong value gets its default and a warning there (seed 000 §8); Airflow would refuse the run."""
    for name, value in wrong.items():
        assert FORM[name].resolve(value) == value
