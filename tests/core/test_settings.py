"""The Variable `tapeline_settings`: what is missing or malformed is said by name."""

from __future__ import annotations

import json

import pytest

from include.core.errors import InvalidSettings
from include.core.settings import Settings, parse_settings

WHOLE = {
    "environment": "dev",
    "raw_bucket": "raw",
    "curated_bucket": "curated",
    "idempotency_table": "idempotency",
    "batch_table": "batches",
    "source_table": "sources",
    "extract_dlq": "dlq",
}


def test_settings_are_read_and_the_symbol_universe_is_optional() -> None:
    settings = parse_settings(json.dumps(WHOLE))
    assert settings == Settings(**WHOLE)
    assert (settings.symbols_parameter, settings.symbols_key) == (None, None)


@pytest.mark.parametrize("text", [None, ""])
def test_a_variable_that_is_not_set_says_where_an_example_is(text: str | None) -> None:
    with pytest.raises(InvalidSettings, match=r"'tapeline_settings' is not set.*airflow_settings\.yaml"):
        parse_settings(text)


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_missing_name_is_named(name: str) -> None:
    with pytest.raises(InvalidSettings, match=f"'tapeline_settings' is malformed: {name}: Field required"):
        parse_settings(json.dumps({key: value for key, value in WHOLE.items() if key != name}))


def test_every_fault_is_named() -> None:
    broken = {key: value for key, value in WHOLE.items() if key != "raw_bucket"} | {"raw_buket": "raw"}
    with pytest.raises(InvalidSettings) as caught:
        parse_settings(json.dumps(broken))
    assert "raw_bucket: Field required" in str(caught.value)
    assert "raw_buket: Extra inputs are not permitted" in str(caught.value)


def test_text_that_is_not_json_is_said_to_be_so() -> None:
    with pytest.raises(InvalidSettings, match="malformed: JSON: Invalid JSON"):
        parse_settings("{not json")
